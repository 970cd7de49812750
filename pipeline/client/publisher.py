"""Publishes events from threads."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from pipeline.client.event import Event
from pipeline.client.failures import BufferFull, NotPublished
from pipeline.client.outgoing import Outgoing, Round, buffer_full, size_of, withdraw
from pipeline.client.outlet import Limits, Outlet


class Publisher:
    """One for a process, used by all its threads; closed at the end, best by `with`.

    Make it after a fork: what sends does not survive one.
    """

    def __init__(self, outlet: Outlet, limits: Limits) -> None:
        self._outgoing = Outgoing(outlet, limits)

    def publish(self, event: Event) -> str:
        """Publish one event, and answer its id once it is acknowledged.

        Raises:
            NotPublished: it was not; the failure says whether it may be there all the same.
            BufferFull: too much else was not acknowledged for too long.
            PublisherClosed: the publisher was closed.
        """
        return self._send(event).result()

    def publish_all(self, events: Iterable[Event]) -> list[str]:
        """Publish many, and answer their ids once all are acknowledged.

        The first that is not acknowledged stops those after it; one that is refused does not.

        Raises:
            NotPublished: some were not; its failures say which and why. All others were.
            PublisherClosed: the publisher was closed.
        """
        together = Round()
        for event in events:
            if together.is_stopped:
                together.leave(event)
                continue
            try:
                together.add(event, self._send(event))
            except BufferFull as exc:
                together.leave(event, str(exc))
        return together.result()

    def send(self, event: Event) -> Future[str]:
        """Send one event without waiting for more than room; the future has its id.

        A failure is told by the future, and once more by the next `flush` or `close`.

        Raises:
            BufferFull: too much else was not acknowledged for too long.
            PublisherClosed: the publisher was closed.
        """
        future = self._send(event)
        future.add_done_callback(self._outgoing.remember_failure)
        return future

    def flush(self, *, timeout_seconds: float | None = None) -> None:
        """Wait until all that was sent before is acknowledged.

        Without a time limit it takes as long as one event may take, at most.

        Raises:
            NotPublished: what is not acknowledged yet, and what was sent and failed since the last
                flush (the last 1,000 of those).
        """
        self._outgoing.flush(timeout_seconds)

    def close(self, *, timeout_seconds: float | None = None) -> None:
        """Flush, give up what is not acknowledged by then, and end. Raises as `flush` does."""
        self._outgoing.close(timeout_seconds)

    def _send(self, event: Event) -> Future[str]:
        turn = self._outgoing.room.take(size_of(event))
        if turn is not None:
            try:
                turn.result(self._outgoing.limits.give_up_seconds)
            except TimeoutError as exc:
                withdraw(self._outgoing, event, turn)
                raise buffer_full(self._outgoing.limits) from exc
            except KeyboardInterrupt:
                withdraw(self._outgoing, event, turn)
                raise
        return self._outgoing.send(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except NotPublished as failed:
            if exc is None:
                raise
            exc.add_note(str(failed))
