"""What the overview asks of the store: what the newest of what is recorded says.

Blocking: called in threads. Everything raises `ports.StoreFailed` where the store cannot be asked
now. However large the log is, an answer reads a bounded number of rows, each by an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pipeline.domain.circuit_history import PastTry


@dataclass(frozen=True, slots=True)
class Streak:
    """An active endpoint at which nothing has succeeded since."""

    endpoint: str
    account: str
    first_failure_ms: int
    last_failure_ms: int
    changed_at_ms: int
    """When the endpoint itself was changed last."""
    tries: Sequence[PastTry]
    """Attempts since the first failure: those of its earliest deliveries and of its newest."""


class Journey(NamedTuple):
    """A delivery of an event that was accepted."""

    occurred_at_ms: int
    accepted_at_ms: int
    """When its last attempt ended; where it had been tried before, when that one began."""


class RecentLog(Protocol):
    """Reads the newest of the log."""

    def streaks(self, *, account: str | None, limit: int) -> Sequence[Streak]:
        """Those that failed last come first; account None: everybody's."""
        ...

    def journeys(self, *, account: str | None, since_ms: int, limit: int) -> Sequence[Journey]:
        """Among so many of the newest deliveries; account None: everybody's."""
        ...
