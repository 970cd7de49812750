"""How many events a second the API takes, and what each costs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from benchmarks.children import BenchmarkFailed, Child, ending, wait_until
from benchmarks.endpoint_layouts import EndpointLayout
from benchmarks.ingest_plan import CLIENTS, IngestPlan
from benchmarks.machine import load_average
from benchmarks.profiling import profiled
from benchmarks.rates import percentile
from benchmarks.rig import Figures, Processes
from benchmarks.running_api import OPERATOR_KEY, RunningApi, running_api
from benchmarks.running_broker import RunningBroker, running_broker
from benchmarks.usage import COMPILING, MIB, CpuMark, cpu_mark, peak_memory_bytes

API: Final = "api"
BROKER: Final = "broker"
CLIENT: Final = "client"
TOTAL: Final = "sum"
_DONE: Final = re.compile(r"^done (\{.*\})$", re.MULTILINE)
_BEYOND_SECONDS: Final = 60.0
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class IngestRig:
    """An API that answers."""

    broker: RunningBroker
    api: RunningApi
    layout: EndpointLayout

    @property
    def processes(self) -> Processes:
        return {API: (self.api.child.pid,), BROKER: (self.broker.pid,)}


@contextmanager
def ingest_rig(layout: EndpointLayout) -> Generator[IngestRig]:
    """On a fresh broker, without any other stage. Raises BenchmarkFailed."""
    with running_broker() as broker, running_api(broker, layout) as api:
        yield IngestRig(broker, api, layout)


class _Mark(NamedTuple):
    at_seconds: float
    events: int
    log_bytes: int
    cpu: CpuMark


class _Seen(NamedTuple):
    """What the clients saw."""

    events: int
    seconds: float
    cpu_seconds: float
    took_ms: list[float]


def measured_ingest(rig: IngestRig, plan: IngestPlan) -> Figures:
    """Publish for a while, and count what it cost; all that was answered must be in Kafka.

    Raises BenchmarkFailed.
    """
    _published(rig, plan.warm_up())
    watched = {name: pids[0] for name, pids in rig.processes.items() if name in plan.profile}
    with profiled(watched, plan.name):
        before = _mark(rig)
        seen = _published(rig, plan)
        after = _mark(rig)
    if after.events - before.events != seen.events:
        raise BenchmarkFailed(
            f"{seen.events} events were accepted, and {after.events - before.events} are in Kafka"
        )
    ordered = sorted(seen.took_ms)
    return {
        "accepted": seen.events,
        "per_second": seen.events / seen.seconds,
        "requests_per_second": len(ordered) / seen.seconds,
        "answer_p50_ms": percentile(ordered, 0.5),
        "answer_p99_ms": percentile(ordered, 0.99),
        "log_bytes": (after.log_bytes - before.log_bytes) / seen.events,
        **_costs(before, after, seen),
        "peak_mib.api": peak_memory_bytes(rig.processes[API]) / MIB,
        "load_average": load_average(),
    }


def _published(rig: IngestRig, plan: IngestPlan) -> _Seen:
    words = (
        *("--port", str(rig.api.port), "--key", OPERATOR_KEY, "--seconds", str(plan.seconds)),
        *("--most-events", str(plan.events), "--events-a-request", str(plan.events_a_request)),
        *("--clients", str(CLIENTS), "--accounts", str(rig.layout.accounts)),
    )
    client = Child(
        f"client-{time.monotonic_ns()}",
        ("benchmarks.ingest_client", *words),
        rig.broker.folder,
        {},
    )
    with ending([client]):
        wait_until(
            lambda: _DONE.search(client.said()) is not None,
            seconds=plan.seconds + _BEYOND_SECONDS,
            text="the clients are not done",
            watched=[client, rig.api.child],
            pause_seconds=0.2,
        )
        found = _DONE.search(client.said())
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    if told["failure"] is not None:
        raise BenchmarkFailed(f"an event was not accepted: {told['failure']}")
    events = len(told["took_ms"]) * plan.events_a_request
    return _Seen(events, told["seconds"], told["cpu_seconds"], told["took_ms"])


def _mark(rig: IngestRig) -> _Mark:
    events, log_bytes = rig.api.published(), rig.broker.log_bytes()
    return _Mark(time.monotonic(), events, log_bytes, cpu_mark(rig.processes))


def _costs(before: _Mark, after: _Mark, seen: _Seen) -> Figures:
    began = before.cpu.by_process
    used = {name: seconds - began[name] for name, seconds in after.cpu.by_process.items()}
    counted = {name: seconds for name, seconds in used.items() if name != COMPILING}
    ours = sum(used.values()) + seen.cpu_seconds
    others = after.cpu.machine - before.cpu.machine - ours
    costs = {**used, CLIENT: seen.cpu_seconds, TOTAL: sum(counted.values())}
    return {
        **{f"event_cpu_us.{name}": cost * _US / seen.events for name, cost in costs.items()},
        "busy_cores.others": max(others, 0.0) / (after.at_seconds - before.at_seconds),
    }
