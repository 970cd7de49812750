"""What a delivery costs in a workload, out of measured costs; how busy a latency lets one be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log
from typing import Final

from pipeline.domain.endpoint_topics import Placement
from pipeline.domain.sizing import STAGES, Line, Measured

_KIB: Final = 1024
_LOG_BYTES: Final = "log_bytes"
_MEASURED: Final = ("broker", *STAGES, _LOG_BYTES)
COST_NAMES: Final = frozenset(_MEASURED)
"""What each row of a file of costs has: microseconds by process, and bytes of log."""

BURST_MS: Final = 10.0
"""How much work comes to a process at a time, as a fetch brings it: an assumption."""
_HOPS: Final = 2
_PERCENTILE: Final = 0.99
_EXACT: Final = 1e-4
LEAST_UTILISATION: Final = 0.05

Cost = Mapping[str, float]
"""By the names in `COST_NAMES`."""


class Unreachable(ValueError):
    """No number of processes gives this latency; the message says why."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured costs."""

    per_event: Mapping[Placement, Cost]
    per_delivery: Mapping[Placement, Cost]
    per_event_kib: Cost
    """Each KiB beyond the first of a body."""
    per_delivery_kib: Cost
    per_failure: Cost
    """Each attempt that fails."""
    idle_p99_ms: Mapping[Placement, float]
    """From publication to the end of the request, where nothing else is going on."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is to be delivered."""

    events_per_second: float
    fan_out: float = 1.0
    """Endpoints that get an event, on average."""
    body_bytes: int = _KIB
    failing: float = 0.0
    """The share of attempts that fail, 0 to below 1."""
    topics: Placement = Placement.SHARED
    response_ms: float = 50.0
    """How long an endpoint takes to answer."""
    max_in_flight: int = 16
    """Of each endpoint."""

    @property
    def deliveries_per_second(self) -> float:
        return self.events_per_second * self.fan_out

    @property
    def attempts_each(self) -> float:
        """Of a delivery, until one succeeds."""
        return 1.0 / (1.0 - self.failing)


def measured_for(load: Workload, costs: Costs) -> Measured:
    """What one delivery of it costs."""
    beyond_kib = max(load.body_bytes / _KIB - 1.0, 0.0)
    failures = load.attempts_each - 1.0

    def cost(name: str) -> float:
        event = costs.per_event[load.topics][name] + beyond_kib * costs.per_event_kib[name]
        delivery = costs.per_delivery[load.topics][name] + beyond_kib * costs.per_delivery_kib[name]
        return event / load.fan_out + delivery + failures * costs.per_failure[name]

    return Measured(
        f"{load.topics.value} topics",
        {name: cost(name) for name in ("broker", *STAGES)},
        cost(_LOG_BYTES),
    )


def utilisation_for(load: Workload, costs: Costs, *, latency_ms: float, most: float) -> float:
    """How busy processes may be, so that 99 of 100 first attempts end within this time.

    What is left of it, after what an idle pipeline takes and the endpoint's answer, may be spent
    waiting at two processes, each a queue at which bursts come at random: waiting there is longer
    than `t` with probability u * exp(-(1 - u) * t / burst), and half of what is left is `t`.

    Raises:
        Unreachable: an idle pipeline takes longer.
    """
    floor = costs.idle_p99_ms[load.topics] + load.response_ms
    left_ms = (latency_ms - floor) / _HOPS
    least = waiting_ms(LEAST_UTILISATION)
    if left_ms < least:
        raise Unreachable(
            f"{latency_ms:g} ms: an idle pipeline and the endpoint's answer take {floor:g} ms for"
            f" 99 of 100 deliveries: ask for {ceil(floor + _HOPS * least)} ms or more, or for"
            " endpoints that answer sooner"
        )
    if waiting_ms(most) <= left_ms:
        return most
    low, high = LEAST_UTILISATION, most
    while high - low > _EXACT:
        middle = (low + high) / 2
        low, high = (middle, high) if waiting_ms(middle) <= left_ms else (low, middle)
    return low


def waiting_ms(utilisation: float) -> float:
    """What 99 of 100 wait less than, at one process that is so busy."""
    beyond = utilisation / (1.0 - _PERCENTILE)
    return max(BURST_MS * log(beyond) / (1.0 - utilisation), 0.0)


def under_way(load: Workload) -> Iterator[Line]:
    """What waits for answers at any moment (Little's law), and how many endpoints that needs."""
    requests = load.deliveries_per_second * load.attempts_each * load.response_ms / 1_000.0
    yield Line(
        "requests under way", "rate x attempts of a delivery x answering time", ceil(requests)
    )
    yield Line(
        "endpoints, so that none is full",
        "requests under way / in-flight limit",
        max(ceil(requests / load.max_in_flight), 1),
    )
