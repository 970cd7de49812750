"""How many deliveries a second a rig makes, and what each costs."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from typing import Final

from benchmarks.children import BenchmarkFailed
from benchmarks.machine import load_average
from benchmarks.marks import RECEIVER, Mark, busy_others, cpu_used, mark_of
from benchmarks.memory import PUBLISHER, MemoryMarks
from benchmarks.profiling import profiled
from benchmarks.publisher import Publisher
from benchmarks.publishing import Backlog, Watch
from benchmarks.rates import Sample, longest_pause_seconds, per_second
from benchmarks.rig import Figures, Rig
from benchmarks.usage import COMPILING

TOTAL: Final = "sum"
APART: Final = (COMPILING, PUBLISHER, RECEIVER)
"""What is not in the sum."""
_CATCH_UP_SECONDS: Final = 60.0
_CAUGHT_UP_PER_SECOND: Final = 1_000
"""Beyond those 60 s a second more for so many deliveries."""
_US: Final = 1_000_000
_KEPT_TIMES: Final = 3
"""A delivery lies on the disk as an event, as a delivery and as an attempt, each with its frame."""
_KEPT_BYTES: Final = 1_500


@dataclass(frozen=True, slots=True)
class ThroughputPlan:
    """How much is published."""

    measured: Backlog
    warm_up: Backlog
    profile: frozenset[str] = frozenset()
    """The processes that py-spy watches, by name; the figures are none then."""


def measured_throughput(rig: Rig, plan: ThroughputPlan) -> Figures:
    """Publish, wait until everything is delivered, recorded and committed, and count what it cost.

    Everything that was used from the first event on counts, the broker's work for the producer
    included; nothing of the starting and the warming up does. Raises BenchmarkFailed.
    """
    _check_disk(rig, plan.measured)
    publisher = Publisher(rig.servers, rig.load.topic)
    warmed_up = Watch(rig, publisher, first=0).run(plan.warm_up, on_sample=_ignore)
    _wait_caught_up(rig, warmed_up.events * rig.load.fan_out)
    profile = {name: pids[0] for name, pids in rig.processes.items() if name in plan.profile}
    memory = MemoryMarks(rig.processes)
    with profiled(profile, rig.name):
        before = mark_of(rig)
        watch = Watch(rig, publisher, first=warmed_up.events)
        watched = watch.run(plan.measured, on_sample=memory.look)
        deliveries = watched.events * rig.load.fan_out
        _wait_caught_up(rig, deliveries)
        after = mark_of(rig)
    memory.look_now(watched.samples[-1])
    came = after.received.requests - before.received.requests
    return {
        **_rates(watched.samples, deliveries),
        "repeats": came - deliveries * rig.load.attempts_each,
        "deferred": after.deferred - before.deferred,
        "connections": after.received.connections - before.received.connections,
        "log_bytes": (after.log_bytes - before.log_bytes) / deliveries,
        **_costs(before, after, deliveries),
        "busy_cores.others": busy_others(before, after),
        **memory.figures(),
    }


def _ignore(_: Sample) -> None:
    pass


def _wait_caught_up(rig: Rig, deliveries: int) -> None:
    rig.wait_caught_up(seconds=_CATCH_UP_SECONDS + deliveries / _CAUGHT_UP_PER_SECOND)


def _check_disk(rig: Rig, backlog: Backlog) -> None:
    if backlog.publish_seconds is not None:
        return
    folder = tempfile.gettempdir()
    needed = backlog.deliveries * (rig.load.data_bytes + _KEPT_BYTES) * _KEPT_TIMES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BenchmarkFailed(
            f"{needed >> 20} MiB are needed in {folder}, and {free >> 20} are free:"
            " lower --count, or name another folder with TMPDIR"
        )


def _rates(samples: list[Sample], deliveries: int) -> Figures:
    tenth = deliveries // 10
    return {
        "deliveries": deliveries,
        "per_second": per_second(samples, 1, deliveries),
        "per_second_middle": per_second(samples, tenth, deliveries - tenth),
        "longest_pause_seconds": longest_pause_seconds(samples),
        "load_average": load_average(),
    }


def _costs(before: Mark, after: Mark, deliveries: int) -> Figures:
    costs = {name: used * _US / deliveries for name, used in cpu_used(before, after).items()}
    total = sum(cost for name, cost in costs.items() if name not in APART)
    return {f"cpu_us.{name}": cost for name, cost in {**costs, TOTAL: total}.items()}
