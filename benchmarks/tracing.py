"""What tracing costs: the same load untraced, sampled at the default ratio, and all of it.

All by the same processes, which send their spans to a collector on this machine, in turns of a few
seconds. What else the machine does then falls on each alike, and a round's ratios can be believed
where its figures cannot. The producer decides: an event that is to be traced has a `traceparent`
that says so, the others have none and the pipeline's own ratio is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from benchmarks.catching_up import Groups
from benchmarks.children import wait_until
from benchmarks.collecting import RunningCollector, running_collector
from benchmarks.events import SourceRecord
from benchmarks.machine import load_average
from benchmarks.marks import Mark, busy_others, cpu_used, mark_of
from benchmarks.publisher import Publisher
from benchmarks.publishing import Backlog, Watch
from benchmarks.rates import Sample
from benchmarks.receiving import running_receiver
from benchmarks.rig import Figures, Rig, children_by_name
from benchmarks.rigs import BROKER, RigPlan, load_of
from benchmarks.running_broker import running_broker
from benchmarks.running_pipeline import running_pipeline
from pipeline.settings import TelemetrySettings

STATES: Final = ("untraced", "default ratio", "all sampled")
UNTRACED, DEFAULT, ALL = STATES
COLLECTOR: Final = "collector"
COUNTED: Final = ("broker", "router", "sender", "scheduler", "recorder")
"""Whose CPU is a delivery's. The collector's is not: it belongs on another machine."""
SPANS_EACH: Final = 3
"""Of a sampled delivery, where an event has one: routed, sent, recorded."""
ROUNDS: Final = 6
_WAITING: Final = 2_000
_FLUSH_SECONDS: Final = 0.2
_CATCH_UP_SECONDS: Final = 60.0
_US: Final = 1_000_000
_DEFAULT_EVERY: Final = round(1 / TelemetrySettings().sample_ratio)


@dataclass(frozen=True, slots=True)
class TracingPlan:
    """How much is published."""

    deliveries: int
    """In each turn."""
    warm_up: int


@dataclass(frozen=True, slots=True)
class TracedRig:
    """A rig, and where its spans go."""

    rig: Rig
    collector: RunningCollector


@contextmanager
def traced_rig(name: str, plan: RigPlan) -> Generator[TracedRig]:
    """The pipeline on a fresh broker, with a collector. Raises BenchmarkFailed."""
    with (
        running_broker() as broker,
        running_receiver(plan.receiver, broker.folder) as receiver,
        running_collector(broker.folder) as collector,
        running_pipeline(
            broker,
            plan.pipeline,
            receiver,
            PIPELINE_TELEMETRY__OTLP_ENDPOINT=f"http://{collector.address}",
            PIPELINE_TELEMETRY__SAMPLE_RATIO="0",
            OTEL_BSP_SCHEDULE_DELAY=str(round(_FLUSH_SECONDS * 1000)),
        ) as pipeline,
    ):
        groups: Groups = pipeline.groups
        yield TracedRig(
            Rig(
                name=name,
                servers=broker.servers,
                load=load_of(plan, pipeline.topology.events),
                receiver=receiver,
                processes={
                    BROKER: (broker.pid,),
                    COLLECTOR: (collector.child.pid,),
                    **children_by_name(pipeline.stages),
                },
                children=(receiver.child, collector.child, *pipeline.stages),
                behind=groups.behind,
                log_bytes=broker.log_bytes,
                deferred=pipeline.deferred,
                topology=pipeline.topology,
            ),
            collector,
        )


def measured_tracing(traced: TracedRig, plan: TracingPlan) -> Figures:
    """Round after round of the three, beginning with another one each time.

    Raises BenchmarkFailed.
    """
    turns = _Turns(traced)
    turns.run(UNTRACED, plan.warm_up)
    turns.run(ALL, plan.warm_up // 4)
    before = mark_of(traced.rig)
    rounds: list[dict[str, Figures]] = []
    for number in range(ROUNDS):
        first = number % len(STATES)
        order = STATES[first:] + STATES[:first]
        rounds.append({state: turns.run(state, plan.deliveries) for state in order})
    after = mark_of(traced.rig)
    return {
        **_compared(rounds),
        "busy_cores.others": busy_others(before, after),
        "load_average": load_average(),
    }


class _Turns:
    """One stretch of publishing after the other."""

    def __init__(self, traced: TracedRig) -> None:
        self._rig, self._collector = traced.rig, traced.collector
        self._publisher = Publisher(self._rig.servers, self._rig.load.topic)
        self._next_event = 0

    def run(self, state: str, deliveries: int) -> Figures:
        """CPU per delivery by process, and the share of its spans that came."""
        rig = replace(self._rig, load=replace(self._rig.load, record=self._record(state)))
        before, spans_before = mark_of(rig), self._collector.spans()
        watch = Watch(rig, self._publisher, first=self._next_event)
        watched = watch.run(Backlog(deliveries, _WAITING, None), on_sample=_ignore)
        rig.wait_caught_up(seconds=_CATCH_UP_SECONDS)
        self._wait_collected()
        after, spans = mark_of(rig), self._collector.spans() - spans_before
        self._next_event += watched.events
        wanted = SPANS_EACH * _traced_share(state) * watched.events
        return {
            **_costs(before, after, watched.events * rig.load.fan_out),
            "spans": spans / wanted if wanted else 0.0,
        }

    def _record(self, state: str) -> Callable[[int], SourceRecord]:
        record, every = self._rig.load.record, _every(state)

        def made(number: int) -> SourceRecord:
            plain = record(number)
            if every is None or number % every:
                return plain
            trace = b"00-%032x-%016x-01" % (number + 1, number + 1)
            return plain._replace(headers=[("traceparent", trace)])

        return made

    def _wait_collected(self) -> None:
        """Until no more spans come."""
        seen = [-1, self._collector.spans()]

        def is_quiet() -> bool:
            seen.append(self._collector.spans())
            return seen[-1] == seen[-2]

        wait_until(
            is_quiet,
            seconds=_CATCH_UP_SECONDS,
            text="spans keep coming",
            pause_seconds=2 * _FLUSH_SECONDS,
        )


def _every(state: str) -> int | None:
    return {UNTRACED: None, DEFAULT: _DEFAULT_EVERY, ALL: 1}[state]


def _traced_share(state: str) -> float:
    every = _every(state)
    return 0.0 if every is None else 1 / every


def _ignore(_: Sample) -> None:
    pass


def _costs(before: Mark, after: Mark, deliveries: int) -> Figures:
    used = cpu_used(before, after)
    costs = {name: used[name] * _US / deliveries for name in COUNTED}
    return {**costs, "sum": sum(costs.values())}


def _compared(rounds: list[dict[str, Figures]]) -> Figures:
    found: Figures = {"rounds": len(rounds)}
    for state in STATES:
        for name in (*COUNTED, "sum"):
            key = f"traced_us.{state}.{name}"
            found[key] = median(one[state][name] for one in rounds)
        ratios = sorted(one[state]["sum"] / one[UNTRACED]["sum"] for one in rounds)
        found[f"ratio.{state}"] = median(ratios)
        found[f"ratio.{state}.least"], found[f"ratio.{state}.most"] = ratios[0], ratios[-1]
        found[f"spans.{state}"] = median(one[state]["spans"] for one in rounds)
    return found
