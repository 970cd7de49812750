"""How long an event takes from the producer's call to the receiver's last byte, at an even pace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.endpoint_layouts import EndpointLayout
from benchmarks.machine import load_average
from benchmarks.marks import busy_others, cpu_used, mark_of
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
from benchmarks.stage_times import SeenOutside, clock_offset_ns, stage_times

_CATCH_UP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """One event after the other, at a fixed distance."""

    seconds: float
    warm_up_events: int
    lead_in_seconds: float
    """As long the same is done, and nothing measured."""
    per_second: float


def measured_latency(rig: Rig, layout: EndpointLayout, plan: LatencyPlan) -> Figures:
    """Publish at an even pace and compare times; the receiver must be an observant one.

    Raises BenchmarkFailed: an event did not arrive.
    """
    publisher = Publisher(rig.servers, rig.load.topic, linger_ms=0)
    warm_up(rig, plan.warm_up_events, publisher)
    lead_in = Stretch(
        plan.warm_up_events, int(plan.lead_in_seconds * plan.per_second), plan.per_second
    )
    arrivals(rig, set(publish_evenly(rig, lead_in, publisher)))
    stretch = Stretch(lead_in.numbers.stop, int(plan.seconds * plan.per_second), plan.per_second)
    before, offset_ns = mark_of(rig), clock_offset_ns()
    sent_ns = publish_evenly(rig, stretch, publisher)
    arrived_ns = arrivals(rig, set(sent_ns))
    after = mark_of(rig)
    took_ms = [(arrived_ns[number] - at_ns) / NS_PER_MS for number, at_ns in sent_ns.items()]
    figures = {"events": len(took_ms), **percentiles_ms("", took_ms)}
    elapsed_seconds = after.at_seconds - before.at_seconds
    for name, used in cpu_used(before, after).items():
        figures[f"busy_percent.{name}"] = 100 * used / elapsed_seconds
    assert rig.topology is not None
    seen = SeenOutside(sent_ns, arrived_ns, offset_ns)
    rig.wait_caught_up(seconds=_CATCH_UP_SECONDS)
    return {
        **figures,
        **stage_times(rig.servers, rig.topology, layout, seen=seen),
        "clock_step_ms": abs(clock_offset_ns() - offset_ns) / NS_PER_MS,
        "busy_cores.others": busy_others(before, after),
        "load_average": load_average(),
    }
