"""What the figures of an invocation do not say: printed under them, and kept with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.results import Results, Summary
from benchmarks.scenario import Kind, Scenario

_ALWAYS: Final = (
    "a network: producer, broker, stages and receivers are on this one machine, on loopback",
    "replication: there is one broker, so a record is acknowledged by one disk cache",
    "PostgreSQL: the recorder writes to SQLite",
    "what comes with time (compaction, rolled segments, a large store): scenarios begin empty",
)
_TLS: Final = (
    "handshakes: connections of `tls` are kept, so its CPU is that of encrypting; its receiver is"
    " another one than own-1's: compare it with `plain`"
)
_PROCESSES: Final = (
    "scaling with processes beyond this machine's {cores} cores: senders share them with everything"
    " else, the receiver included"
)
_RETRIED: Final = (
    "failures that open a circuit: `retried-*` are refused with 409, which speaks against one"
    " delivery and not against its endpoint"
)
_NEIGHBOURS: Final = (
    "the neighbour's own latency; and more than one: one endpoint of ten gets half of the events"
)
_BACKLOG: Final = (
    "a backlog that was there before the stages began: the router is at work while the sender is"
)
_INGEST: Final = (
    "the API beside a pipeline at work: of `ingest-*` nothing is routed; its clients are one"
    " process that is as fast as it can be, over 32 connections that are kept, without TLS"
)
_FEW: Final = "99th percentiles that last: fewer than {least} events decide that of {scenarios}"
_BUSY: Final = (
    "a machine of its own: others kept some of {cores} cores busy during {scenarios}; such figures"
    " say as much of them"
)
_UNSETTLED: Final = (
    "a settled broker: in {scenarios} the latency without the bad neighbour still drifted, so its"
    " ratio is off by as much"
)
_PROFILED: Final = "anything comparable: py-spy slowed {names}"
_FEW_BEYOND_P99: Final = 20
_OTHERS_CORES: Final = 0.2
_MOST_DRIFT: Final = 0.15


def not_measured(results: Results) -> tuple[str, ...]:
    """Sentences that go on after "Not measured:"."""
    return (*_ALWAYS, *_by_scenario(results), *_by_circumstance(results))


def _by_scenario(results: Results) -> Iterator[str]:
    scenarios = set(results.runs)
    if any(scenario.rig.receiver.is_tls for scenario in scenarios):
        yield _TLS
    if any(scenario.rig.pipeline.sender_processes > 1 for scenario in scenarios):
        yield _PROCESSES.format(cores=results.machine.cores)
    if any(scenario.rig.attempts_each > 1 for scenario in scenarios):
        yield _RETRIED
    kinds = {scenario.kind for scenario in scenarios}
    if Kind.NEIGHBOURS in kinds:
        yield _NEIGHBOURS
    if Kind.BACKLOG in kinds:
        yield _BACKLOG
    if Kind.INGEST in kinds:
        yield _INGEST


def _by_circumstance(results: Results) -> Iterator[str]:
    cores = results.machine.cores
    if results.amounts.profile:
        yield _PROFILED.format(names=", ".join(sorted(results.amounts.profile)))
    few, busy, unsettled = ([*_found(results, one)] for one in (_few, _busy, _drift))
    if few:
        yield _FEW.format(least=_FEW_BEYOND_P99, scenarios=", ".join(few))
    if busy:
        yield _BUSY.format(cores=cores, scenarios=", ".join(busy))
    if unsettled:
        yield _UNSETTLED.format(scenarios=", ".join(unsettled))
    yield from (_failed(scenario) for scenario in results.failures)


def _found(results: Results, ask: Callable[[Summary], str | None]) -> Iterator[str]:
    """The scenarios that something is to be said of, each with its figure."""
    for scenario, summary in results.summaries().items():
        if (text := ask(summary)) is not None:
            yield f"{scenario.name} ({text})"


def _few(summary: Summary) -> str | None:
    events = summary.get("events")
    if events is None or events.least / 100 >= _FEW_BEYOND_P99:
        return None
    return f"{events.least / 100:.0f}"


def _busy(summary: Summary) -> str | None:
    others = summary["busy_cores.others"].median
    return f"{others:.1f}" if others > _OTHERS_CORES else None


def _drift(summary: Summary) -> str | None:
    drift = summary.get("drift.p50")
    if drift is None or abs(drift.median - 1) <= _MOST_DRIFT:
        return None
    return f"{drift.median:.2f} x"


def _failed(scenario: Scenario) -> str:
    return f"{scenario.name}: it failed, see above"
