"""Packs attempts: many to a record, a short while at most."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from pipeline.flow import Emit
from pipeline.telemetry.spans import sampled_traceparents

if TYPE_CHECKING:
    from pipeline.domain.delivery import Attempt
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.ports import Records
    from pipeline.telemetry.trace_context import TraceHeaders

MOST_IN_RECORD = 200
MOST_BYTES_IN_RECORD = 512 * 1024
LINGER_SECONDS = 0.05
BEHIND_SECONDS = 0.5
"""When the brokers have taken no attempt for so long, no more should be made: whoever takes over
after a death, or while the brokers are away, repeats what they do not have."""


class AttemptLog:
    """Writes attempts; a delivery's record is finished only when its attempt is written."""

    def __init__(self, topic: str, outlet: Outlet, *, records: Records) -> None:
        self._topic = topic
        self._outlet = outlet
        self._records = records
        self._attempts: list[Attempt] = []
        self._tickets: list[Ticket] = []
        self._traces: TraceHeaders = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unwritten: dict[int, float] = {}
        """Records that the brokers do not have yet, and since when, the oldest first."""
        self._written = 0
        self._loop = asyncio.get_running_loop()

    @property
    def is_behind(self) -> bool:
        """The brokers have not had the oldest record for long."""
        oldest = next(iter(self._unwritten.values()), None)
        return oldest is not None and self._loop.time() - oldest > BEHIND_SECONDS

    def add(self, attempt: Attempt, ticket: Ticket, *, trace: TraceHeaders | None) -> None:
        """Write it soon; the record names the trace of each of its attempts that is sampled."""
        ticket.hold()
        self._attempts.append(attempt)
        self._tickets.append(ticket)
        if trace is not None:
            self._traces += sampled_traceparents(trace)
        self._bytes += len(attempt.response_body or b"") + 512
        if len(self._attempts) >= MOST_IN_RECORD or self._bytes >= MOST_BYTES_IN_RECORD:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(LINGER_SECONDS, self.flush)

    def _note_written(self, number: int) -> None:
        del self._unwritten[number]

    def flush(self) -> None:
        """Write what has come together."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._attempts:
            return
        attempts, tickets, traces = self._attempts, self._tickets, self._traces
        self._attempts, self._tickets, self._traces, self._bytes = [], [], [], 0
        self._written = number = self._written + 1
        self._unwritten[number] = self._loop.time()
        self._outlet.send_for_all(
            Emit(self._topic, self._records.encode_attempts(attempts), headers=traces or None),
            tickets,
            on_written=partial(self._note_written, number),
        )
