"""How long an event takes from the producer's call to the receiver's last byte, at an even pace."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final

from benchmarks.children import BenchmarkFailed
from benchmarks.machine import load_average
from benchmarks.publishing import Publisher
from benchmarks.rates import percentile
from benchmarks.rig import Figures, Rig
from benchmarks.usage import cpu_mark

_NS_PER_MS: Final = 1_000_000
_WAIT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
_SHARES: Final = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}


@dataclass(frozen=True, slots=True)
class LatencyPlan:
    """One event after the other, at a fixed distance."""

    events: int
    warm_up_events: int
    per_second: float


def measured_latency(rig: Rig, plan: LatencyPlan) -> Figures:
    """Publish at an even pace and compare times; the receiver must be a timed one.

    Raises BenchmarkFailed: an event did not arrive.
    """
    publisher = Publisher(rig.servers, rig.source_topic, linger_ms=0)
    _warm_up(rig, plan, publisher)
    processes = {**rig.counted, "publisher": os.getpid()}
    before, started_at = cpu_mark(processes), time.monotonic()
    sent_ns = _publish_evenly(publisher, rig, plan)
    arrived_ns = _arrivals(rig, set(sent_ns))
    after, ended_at = cpu_mark(processes), time.monotonic()
    took_ms = sorted((arrived_ns[number] - at_ns) / _NS_PER_MS for number, at_ns in sent_ns.items())
    figures = {name: percentile(took_ms, share) for name, share in _SHARES.items()}
    figures |= {"events": len(took_ms), "load_average": load_average()}
    elapsed = ended_at - started_at
    for name in processes:
        used = after.by_process[name] - before.by_process[name]
        figures[f"busy_percent.{name}"] = 100 * used / elapsed
    return figures


def _warm_up(rig: Rig, plan: LatencyPlan, publisher: Publisher) -> None:
    """As fast as it goes, which lets the broker's Java compile what is often used."""
    for record in rig.records(0, plan.warm_up_events):
        publisher.publish(record)
        publisher.serve()
    publisher.flush()
    _arrivals(rig, set(range(plan.warm_up_events)))


def _publish_evenly(publisher: Publisher, rig: Rig, plan: LatencyPlan) -> dict[int, int]:
    """When each event was given to the producer, by its number."""
    first = plan.warm_up_events
    records = rig.records(first, plan.events)
    began = time.monotonic()
    sent_ns: dict[int, int] = {}
    for position, record in enumerate(records):
        due = began + position / plan.per_second
        while (wait_seconds := due - time.monotonic()) > 0:
            time.sleep(wait_seconds)
        sent_ns[first + position] = time.monotonic_ns()
        publisher.publish(record)
        publisher.serve()
        rig.check()
    publisher.flush()
    return sent_ns


def _arrivals(rig: Rig, wanted: set[int]) -> dict[int, int]:
    """When each was received for the first time."""
    arrived: dict[int, int] = {}
    deadline = time.monotonic() + _WAIT_SECONDS + len(wanted) / 100
    while wanted - arrived.keys():
        if time.monotonic() > deadline:
            missing = len(wanted - arrived.keys())
            raise BenchmarkFailed(f"{missing} of {len(wanted)} events did not arrive")
        rig.check()
        time.sleep(_POLL_SECONDS)
        for number, at_ns in rig.receiver.ask("/arrivals"):
            if number in wanted:
                arrived.setdefault(number, at_ns)
    return arrived
