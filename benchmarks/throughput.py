"""How many deliveries a second a rig makes, and what each costs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final

from benchmarks.children import wait_until
from benchmarks.machine import load_average
from benchmarks.publishing import Backlog, Publisher, publish_and_watch
from benchmarks.rates import Sample, per_second
from benchmarks.rig import Figures, Rig
from benchmarks.usage import MIB, CpuMark, cpu_mark, peak_memory_bytes

PUBLISHER: Final = "publisher"
RECEIVER: Final = "receiver"
TOTAL: Final = "sum"
_CATCH_UP_SECONDS: Final = 60.0
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ThroughputPlan:
    """How much is published, and how far ahead of the receiver."""

    deliveries: int
    warm_up_deliveries: int
    most_waiting: int | None
    """Deliveries; None: everything is published at once."""


def measured_throughput(rig: Rig, plan: ThroughputPlan) -> Figures:
    """Publish, wait until everything is delivered, recorded and committed, and count what it cost.

    Everything that was used from the first event on counts, the broker's work for the producer
    included; nothing of the starting and the warming up does. Raises BenchmarkFailed.
    """
    publisher = Publisher(rig.servers, rig.source_topic)
    warm_up = plan.warm_up_deliveries // rig.fan_out
    _run(rig, plan, publisher, first=0, count=warm_up)
    processes = {**rig.counted, PUBLISHER: os.getpid()}
    events = plan.deliveries // rig.fan_out
    records = rig.records(warm_up, events)
    receiver_before = rig.receiver.cpu_seconds()
    received_before = rig.receiver.received()
    before, started_at = cpu_mark(processes), time.monotonic()
    samples = publish_and_watch(
        publisher, records, rig.receiver, backlog=_backlog(rig, plan), check=rig.check
    )
    _wait_caught_up(rig)
    after, ended_at = cpu_mark(processes), time.monotonic()
    receiver_cpu = rig.receiver.cpu_seconds() - receiver_before
    deliveries = events * rig.fan_out
    figures = _rates(samples, deliveries)
    figures["repeats"] = rig.receiver.received() - received_before - deliveries
    figures.update(_costs(before, after, deliveries))
    figures[f"cpu_us.{RECEIVER}"] = receiver_cpu * _US / deliveries
    used = sum(_used(before, after).values()) + receiver_cpu
    elapsed = ended_at - started_at
    figures["busy_cores.others"] = max(after.machine - before.machine - used, 0.0) / elapsed
    figures.update(
        {f"peak_mib.{name}": peak_memory_bytes(pid) / MIB for name, pid in rig.counted.items()}
    )
    return figures


def _run(rig: Rig, plan: ThroughputPlan, publisher: Publisher, *, first: int, count: int) -> None:
    records = rig.records(first, count)
    publish_and_watch(
        publisher, records, rig.receiver, backlog=_backlog(rig, plan), check=rig.check
    )
    _wait_caught_up(rig)


def _backlog(rig: Rig, plan: ThroughputPlan) -> Backlog:
    return Backlog(plan.most_waiting, rig.fan_out)


def _wait_caught_up(rig: Rig) -> None:
    wait_until(
        rig.has_caught_up,
        seconds=_CATCH_UP_SECONDS,
        text="what was delivered is not recorded and committed",
        watched=rig.children,
    )


def _rates(samples: list[Sample], deliveries: int) -> Figures:
    tenth = deliveries // 10
    return {
        "deliveries": deliveries,
        "per_second": per_second(samples, 1, deliveries),
        "per_second_middle": per_second(samples, tenth, deliveries - tenth),
        "load_average": load_average(),
    }


def _costs(before: CpuMark, after: CpuMark, deliveries: int) -> Figures:
    costs = {name: used * _US / deliveries for name, used in _used(before, after).items()}
    total = sum(cost for name, cost in costs.items() if name != PUBLISHER)
    return {f"cpu_us.{name}": cost for name, cost in {**costs, TOTAL: total}.items()}


def _used(before: CpuMark, after: CpuMark) -> dict[str, float]:
    return {name: used - before.by_process[name] for name, used in after.by_process.items()}
