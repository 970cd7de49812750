"""How many deliveries a second a rig makes, and what each costs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final, NamedTuple

from benchmarks.children import wait_until
from benchmarks.machine import load_average
from benchmarks.profiling import profiled
from benchmarks.publishing import Backlog, Publisher, publish_and_watch
from benchmarks.rates import Sample, per_second
from benchmarks.rig import Figures, Rig
from benchmarks.usage import COMPILING, MIB, CpuMark, cpu_mark, peak_memory_bytes

PUBLISHER: Final = "publisher"
RECEIVER: Final = "receiver"
TOTAL: Final = "sum"
APART: Final = (COMPILING, PUBLISHER, RECEIVER)
"""What is not in the sum."""
_CATCH_UP_SECONDS: Final = 60.0
_CATCH_UP_PAUSE_SECONDS: Final = 0.25
"""Asking costs the broker something, which counts."""
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ThroughputPlan:
    """How much is published, and how far ahead of the receiver."""

    deliveries: int
    most_seconds: float
    """After so long nothing more is published."""
    warm_up_deliveries: int
    warm_up_seconds: float
    most_waiting: int | None
    """Deliveries; None: everything is published at once."""
    profile: frozenset[str]
    """The processes that py-spy watches, by name; the figures are none then."""


def measured_throughput(rig: Rig, plan: ThroughputPlan) -> Figures:
    """Publish, wait until everything is delivered, recorded and committed, and count what it cost.

    Everything that was used from the first event on counts, the broker's work for the producer
    included; nothing of the starting and the warming up does. Raises BenchmarkFailed.
    """
    publisher = Publisher(rig.servers, rig.source_topic)
    warm_up = rig.records(0, plan.warm_up_deliveries // rig.fan_out)
    backlog = Backlog(plan.most_waiting, rig.fan_out, plan.warm_up_seconds)
    publish_and_watch(publisher, warm_up, rig.receiver, backlog=backlog, check=rig.check)
    _wait_caught_up(rig)
    records = rig.records(len(warm_up), plan.deliveries // rig.fan_out)
    backlog = Backlog(plan.most_waiting, rig.fan_out, plan.most_seconds)
    profile = {name: pid for name, pid in rig.counted.items() if name in plan.profile}
    with profiled(profile, rig.name):
        before = _mark(rig)
        watched = publish_and_watch(
            publisher, records, rig.receiver, backlog=backlog, check=rig.check
        )
        _wait_caught_up(rig)
        after = _mark(rig)
    deliveries = watched.events * rig.fan_out
    return {
        **_rates(watched.samples, deliveries),
        "repeats": after.received - before.received - deliveries,
        **_costs(before, after, deliveries),
        "busy_cores.others": _busy_others(before, after),
        **{f"peak_mib.{name}": peak_memory_bytes(pid) / MIB for name, pid in rig.counted.items()},
    }


class _Mark(NamedTuple):
    """Everything that is compared, at one moment."""

    at_seconds: float
    received: int
    cpu: CpuMark


def _mark(rig: Rig) -> _Mark:
    cpu = cpu_mark({**rig.counted, PUBLISHER: os.getpid()})
    cpu.by_process[RECEIVER] = rig.receiver.cpu_seconds()
    return _Mark(time.monotonic(), rig.receiver.received(), cpu)


def _wait_caught_up(rig: Rig) -> None:
    wait_until(
        rig.has_caught_up,
        seconds=_CATCH_UP_SECONDS,
        text="what was delivered is not recorded and committed",
        watched=rig.children,
        pause_seconds=_CATCH_UP_PAUSE_SECONDS,
    )


def _rates(samples: list[Sample], deliveries: int) -> Figures:
    tenth = deliveries // 10
    return {
        "deliveries": deliveries,
        "per_second": per_second(samples, 1, deliveries),
        "per_second_middle": per_second(samples, tenth, deliveries - tenth),
        "load_average": load_average(),
    }


def _costs(before: _Mark, after: _Mark, deliveries: int) -> Figures:
    costs = {name: used * _US / deliveries for name, used in _used(before, after).items()}
    total = sum(cost for name, cost in costs.items() if name not in APART)
    return {f"cpu_us.{name}": cost for name, cost in {**costs, TOTAL: total}.items()}


def _busy_others(before: _Mark, after: _Mark) -> float:
    """How many cores everything else on the machine kept busy, on average."""
    ours = sum(_used(before, after).values())
    others = after.cpu.machine - before.cpu.machine - ours
    return max(others, 0.0) / (after.at_seconds - before.at_seconds)


def _used(before: _Mark, after: _Mark) -> dict[str, float]:
    began = before.cpu.by_process
    return {name: used - began[name] for name, used in after.cpu.by_process.items()}
