"""Publishes events from coroutines: `Publisher`, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Self

from pipeline.client.event import Event
from pipeline.client.failures import BufferFull, NotPublished
from pipeline.client.outgoing import Outgoing, Round, buffer_full, size_of, withdraw
from pipeline.client.outlet import Limits, Outlet


class AsyncPublisher:
    """One for a process, used by all its coroutines; closed at the end, best by `async with`.

    Cancelling who waits does not call an event back that is on its way.
    """

    def __init__(self, outlet: Outlet, limits: Limits) -> None:
        self._outgoing = Outgoing(outlet, limits)

    async def publish(self, event: Event) -> str:
        """As `Publisher.publish`."""
        return await asyncio.wrap_future(await self._send(event))

    async def publish_all(self, events: Iterable[Event]) -> list[str]:
        """As `Publisher.publish_all`."""
        together = Round()
        for event in events:
            if together.is_stopped:
                together.leave(event)
                continue
            try:
                together.add(event, await self._send(event))
            except BufferFull as exc:
                together.leave(event, str(exc))
        await asyncio.to_thread(wait, together.futures)  # one wake-up for all of them
        return together.result()

    async def send(self, event: Event) -> asyncio.Future[str]:
        """As `Publisher.send`: returns once there is room, with a future to be awaited."""
        future = await self._send(event)
        future.add_done_callback(self._outgoing.remember_failure)
        return asyncio.wrap_future(future)

    async def flush(self, *, timeout_seconds: float | None = None) -> None:
        """As `Publisher.flush`."""
        await asyncio.to_thread(self._outgoing.flush, timeout_seconds)

    async def close(self, *, timeout_seconds: float | None = None) -> None:
        """As `Publisher.close`."""
        await asyncio.to_thread(self._outgoing.close, timeout_seconds)

    async def _send(self, event: Event) -> Future[str]:
        turn = self._outgoing.room.take(size_of(event))
        if turn is not None:
            try:
                async with asyncio.timeout(self._outgoing.limits.give_up_seconds):
                    await asyncio.wrap_future(turn)
            except TimeoutError as exc:
                withdraw(self._outgoing, event, turn)
                raise buffer_full(self._outgoing.limits) from exc
            except asyncio.CancelledError:
                withdraw(self._outgoing, event, turn)
                raise
        return self._outgoing.send(event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except NotPublished as failed:
            if exc is None:
                raise
            exc.add_note(str(failed))
