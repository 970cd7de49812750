"""How much is published by the API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

CLIENTS: Final = 32
"""Connections that are kept; each sends when it was answered."""
BATCH: Final = 100
"""Events a request, where they come in batches."""
_WARM_UP_TIMES: Final = 2
_BATCHES_SHARE: Final = 10
"""Events come so many times as fast in batches."""


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """One stretch."""

    name: str
    events: int
    """At most."""
    seconds: float
    """At most."""
    events_a_request: int
    profile: frozenset[str] = frozenset()

    def warm_up(self) -> IngestPlan:
        """Java compiles what it is used for meanwhile."""
        return replace(
            self, events=self.events * _WARM_UP_TIMES, seconds=self.seconds * _WARM_UP_TIMES
        )


def ingest_plan(
    name: str, deliveries: int, seconds: float, *, events_a_request: int, profile: frozenset[str]
) -> IngestPlan:
    """For as many events as others have deliveries, or ten times as many in batches."""
    events = deliveries * (_BATCHES_SHARE if events_a_request > 1 else 1)
    return IngestPlan(name, events, seconds, events_a_request, profile)
