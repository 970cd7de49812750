"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.publishing import Backlog
from benchmarks.throughput import ThroughputPlan
from benchmarks.tracing import TracingPlan

WAITING: Final = 5_000
"""Deep enough that every process always has work, and shallow enough that none runs ahead."""
WARM_UP_TIMES: Final = 2
"""Java's compilers work as much as the broker itself in its first 50,000 deliveries, and until they
have, the broker needs twice as much for each."""
WARM_UP_EVENTS: Final = 20_000
LEAD_IN_SECONDS: Final = 10.0
"""At the pace of what is measured then: Java compiles anew what is used in another way."""
_LEAST_WARM_UP: Final = 1_000
_MOST_WARM_UP: Final = 60_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the command line decides, for every kind of scenario."""

    deliveries: int
    backlog_deliveries: int
    seconds: float
    """Of publishing, at saturation."""
    latency_seconds: float
    neighbour_seconds: float
    """Of each of the three stretches."""
    neighbour_per_second: float
    is_backlog: bool
    """Everything is published at once, in every scenario of throughput."""
    profile: frozenset[str] = frozenset()

    def steady_plan(self) -> ThroughputPlan:
        """At most 5,000 deliveries wait."""
        if self.is_backlog:
            return self._at_once(self.deliveries)
        return self._plan(Backlog(self.deliveries, WAITING, self.seconds))

    def backlog_plan(self) -> ThroughputPlan:
        return self._at_once(self.backlog_deliveries)

    def tracing_plan(self) -> TracingPlan:
        """Turns of a third of what is measured elsewhere."""
        return TracingPlan(self.deliveries // 3, self.deliveries)

    def _at_once(self, deliveries: int) -> ThroughputPlan:
        return self._plan(Backlog(deliveries, None, None))

    def _plan(self, measured: Backlog) -> ThroughputPlan:
        count = max(measured.deliveries * WARM_UP_TIMES, _LEAST_WARM_UP)
        warm_up = Backlog(min(count, _MOST_WARM_UP), WAITING, self.seconds * WARM_UP_TIMES)
        return ThroughputPlan(measured, warm_up, self.profile)
