"""What endpoints notice of a neighbour that behaves badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.behaviours import Behaviour
from benchmarks.endpoint_layouts import EndpointLayout, Spreading, TopicKind
from benchmarks.machine import load_average
from benchmarks.marks import busy_others, mark_of
from benchmarks.pacing import (
    NS_PER_MS,
    Stretch,
    arrivals,
    percentiles_ms,
    publish_evenly,
    warm_up,
)
from benchmarks.publisher import Publisher
from benchmarks.rig import Figures, Rig

ENDPOINTS: Final = 10
TIMEOUT_MS: Final = 6_000
"""More than a slow endpoint takes, and short enough that a hanging one times out several times."""
BEFORE: Final = "before"
WITHOUT: Final = "without"
WITH: Final = "with"
_NEIGHBOUR_ACCOUNT: Final = 9
_NEIGHBOUR_PATH: Final = f"/{_NEIGHBOUR_ACCOUNT}/0"


@dataclass(frozen=True, slots=True)
class NeighbourPlan:
    """Half of the events are the neighbour's; the other nine endpoints share the rest."""

    seconds: float
    """Of each of the three stretches."""
    per_second: float
    """Events, to all ten."""
    warm_up_events: int


def neighbours(topics: TopicKind) -> EndpointLayout:
    """Ten accounts of one endpoint; in the shared topic all ten are in the same partition."""
    return EndpointLayout(
        ENDPOINTS, ENDPOINTS, topics, spreading=Spreading.TOGETHER, timeout_ms=TIMEOUT_MS
    )


def account_number(number: int) -> int:
    """Whose event this is: every second one is the neighbour's."""
    return _NEIGHBOUR_ACCOUNT if number % 2 else number // 2 % _NEIGHBOUR_ACCOUNT


def measured_neighbours(rig: Rig, plan: NeighbourPlan, behaviour: Behaviour) -> Figures:
    """The same load three times: twice while the neighbour accepts, then while it behaves so.

    Only the nine others' latencies count. A broker that is a few seconds old gets faster by itself,
    so the first stretch is there for the second to be compared with: the drift. All events of the
    nine must arrive; in the last stretch the neighbour's need not. Raises BenchmarkFailed.
    """
    publisher = Publisher(rig.servers, rig.load.topic, linger_ms=0)
    warm_up(rig, plan.warm_up_events, publisher)
    began = mark_of(rig)
    events = int(plan.seconds * plan.per_second) // 2 * 2
    first, second, third = (
        Stretch(plan.warm_up_events + number * events, events, plan.per_second)
        for number in range(3)
    )
    figures = _figures(BEFORE, _took_ms(rig, first, publisher))
    figures |= _figures(WITHOUT, _took_ms(rig, second, publisher))
    rig.receiver.behave(behaviour, _NEIGHBOUR_PATH)
    before = rig.receiver.received()
    figures |= _figures(WITH, _took_ms(rig, third, publisher))
    ended = mark_of(rig)
    requests = ended.received.requests - before.requests
    for name in ("p50", "p99"):
        without_ms = figures[f"{WITHOUT}.{name}_ms"]
        figures[f"ratio.{name}"] = figures[f"{WITH}.{name}_ms"] / without_ms
        figures[f"drift.{name}"] = without_ms / figures[f"{BEFORE}.{name}_ms"]
    return {
        **figures,
        "events": len(_others(third)),
        "neighbour_requests": requests - len(_others(third)),
        "busy_cores.others": busy_others(began, ended),
        "load_average": load_average(),
    }


def _took_ms(rig: Rig, stretch: Stretch, publisher: Publisher) -> list[float]:
    """The nine others' latencies; returns when all of theirs have come."""
    sent_ns = publish_evenly(rig, stretch, publisher)
    others = _others(stretch)
    arrived_ns = arrivals(rig, set(others))
    return [(arrived_ns[number] - sent_ns[number]) / NS_PER_MS for number in others]


def _others(stretch: Stretch) -> list[int]:
    return [number for number in stretch.numbers if account_number(number) != _NEIGHBOUR_ACCOUNT]


def _figures(name: str, took_ms: list[float]) -> Figures:
    return percentiles_ms(f"{name}.", took_ms)
