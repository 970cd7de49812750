"""Produces what a record's handling gives, and finishes the record when it is acknowledged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipeline.ports import SinkFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Emit
    from pipeline.ports import EmitRefused, RecordSink

    Instead = Callable[[EmitRefused], Emit]


class Outlet:
    """The way out of every stage."""

    def __init__(self, sink: RecordSink, *, on_failed: Callable[[BaseException], None]) -> None:
        self._sink = sink
        self._on_failed = on_failed

    def send(self, emit: Emit, ticket: Ticket, *, instead: Instead | None = None) -> None:
        """Produce for this ticket.

        What is refused for good becomes the emit that `instead` answers, or ends the process where
        there is nothing instead: a record is never dropped.
        """
        ticket.hold()

        def done(refused: EmitRefused | None) -> None:
            if refused is None:
                ticket.release()
            elif instead is None:
                self._on_failed(SinkFailed(f"{emit.topic} does not take a record: {refused}"))
            else:
                self.send(instead(refused), ticket)
                ticket.release()

        self._sink.send(emit, done)

    async def send_and_wait(self, emit: Emit) -> None:
        """Produce, and return when the brokers have it."""
        acknowledged = asyncio.get_running_loop().create_future()

        def done(refused: EmitRefused | None) -> None:
            if refused is None:
                acknowledged.set_result(None)
            else:
                self._on_failed(SinkFailed(f"{emit.topic} does not take a record: {refused}"))

        self._sink.send(emit, done)
        await acknowledged

    def send_for_all(
        self, emit: Emit, tickets: Sequence[Ticket], *, on_written: Callable[[], None]
    ) -> None:
        """Produce one record for many tickets, each of which already has its hold.

        `on_written` is called when the brokers have it, after the tickets' holds are released.
        """

        def done(refused: EmitRefused | None) -> None:
            if refused is not None:
                self._on_failed(SinkFailed(f"{emit.topic} does not take a record: {refused}"))
                return
            for ticket in tickets:
                ticket.release()
            on_written()

        self._sink.send(emit, done)

    @property
    def is_congested(self) -> bool:
        """So much is unacknowledged that intake should wait."""
        return self._sink.is_congested

    @property
    def clock_ahead_ms(self) -> int:
        """This machine's clock minus the brokers', which wrote the records' timestamps."""
        return self._sink.clock_ahead_ms

    async def wait_room(self) -> None:
        """Return when it is no longer congested."""
        await self._sink.wait_room()
