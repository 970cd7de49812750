"""Packs attempts: many to a record, a short while at most."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipeline.flow import Emit

if TYPE_CHECKING:
    from pipeline.domain.delivery import Attempt
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.ports import Records

MOST_IN_RECORD = 200
MOST_BYTES_IN_RECORD = 512 * 1024
LINGER_SECONDS = 0.05


class AttemptLog:
    """Writes attempts; a delivery's record is finished only when its attempt is written."""

    def __init__(self, topic: str, outlet: Outlet, *, records: Records) -> None:
        self._topic = topic
        self._outlet = outlet
        self._records = records
        self._attempts: list[Attempt] = []
        self._tickets: list[Ticket] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, attempt: Attempt, ticket: Ticket) -> None:
        """Write it soon."""
        ticket.hold()
        self._attempts.append(attempt)
        self._tickets.append(ticket)
        self._bytes += len(attempt.response_body or b"") + 512
        if len(self._attempts) >= MOST_IN_RECORD or self._bytes >= MOST_BYTES_IN_RECORD:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what has come together."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._attempts:
            return
        attempts, tickets = self._attempts, self._tickets
        self._attempts, self._tickets, self._bytes = [], [], 0
        self._outlet.send_for_all(
            Emit(self._topic, self._records.encode_attempts(attempts)), tickets
        )
