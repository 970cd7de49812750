"""Everything that can be measured, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from benchmarks.behaviours import Behaviour
from benchmarks.endpoint_layouts import EndpointLayout, TopicKind
from benchmarks.events import KIB, EventFormat
from benchmarks.ingest_plan import BATCH
from benchmarks.neighbours import account_number, neighbours
from benchmarks.receiving import FAILING_ONCE, OBSERVANT, OBSERVANT_TLS
from benchmarks.rigs import RigPlan
from benchmarks.running_pipeline import PipelinePlan
from benchmarks.scenario import Group, Kind, Scenario

_OWN, _SHARED = TopicKind.OWN, TopicKind.SHARED
_FIRST_RETRY_MS: Final = (1_000,)
"""The 1 s tier, and no third attempt."""
_USUAL: Final = (
    *("bare-loop", "own-1", "own-50", "shared-50", "fan-out-own", "fan-out-shared"),
    *("tls", "retried-own", "latency", "neighbour-slow-shared", "ingest-single", "ingest-batch"),
)


def _spread(endpoints: int, topics: TopicKind) -> RigPlan:
    """An account for each endpoint."""
    return RigPlan(PipelinePlan(EndpointLayout(endpoints, endpoints, topics)))


def _fanned_out(endpoints: int, topics: TopicKind) -> RigPlan:
    """All of one account."""
    return RigPlan(PipelinePlan(EndpointLayout(1, endpoints, topics)))


def _retried(endpoints: int, topics: TopicKind) -> RigPlan:
    layout = EndpointLayout(endpoints, endpoints, topics, retry_delays_ms=_FIRST_RETRY_MS)
    return RigPlan(PipelinePlan(layout), receiver=FAILING_ONCE, attempts_each=2)


def _sent_by(processes: int) -> RigPlan:
    return RigPlan(PipelinePlan(EndpointLayout(50, 50, _OWN), sender_processes=processes))


def _throughput(group: Group, name: str, text: str, rig: RigPlan) -> Scenario:
    return Scenario(name, text, group, Kind.THROUGHPUT, rig)


def _latency(name: str, per_second: float, topics: TopicKind) -> Scenario:
    rig = replace(_spread(1, topics), receiver=OBSERVANT)
    text = f"1 endpoint, {topics} topic, {per_second:g} events a second"
    return Scenario(name, text, Group.LATENCY, Kind.LATENCY, rig, per_second=per_second)


def _neighbour(behaviour: Behaviour, topics: TopicKind) -> Scenario:
    layout = neighbours(topics)
    rig = RigPlan(PipelinePlan(layout), receiver=OBSERVANT, account_number=account_number)
    return Scenario(
        f"neighbour-{behaviour}-{topics}",
        f"1 of 10 endpoints {_DOES[behaviour]}, {topics} topics",
        Group.NEIGHBOURS,
        Kind.NEIGHBOURS,
        rig,
        behaviour=behaviour,
    )


def _ingest(name: str, text: str, events_a_request: int) -> Scenario:
    rig = _spread(50, _SHARED)
    return Scenario(name, text, Group.INGEST, Kind.INGEST, rig, events_a_request=events_a_request)


_DOES: Final = {
    Behaviour.SLOW: "accepts after 5 s",
    Behaviour.HANGS: "never answers",
    Behaviour.FAILS: "answers 503",
    Behaviour.DRIPS: "sends its answer byte by byte",
    Behaviour.CLOSES: "closes every connection",
}

_SATURATION: Final = (
    Scenario(
        "bare-loop",
        "consume, sign, POST, produce, commit: the limit",
        Group.SATURATION,
        Kind.BARE_LOOP,
        _spread(1, _OWN),
    ),
    *(
        _throughput(Group.SATURATION, name, text, rig)
        for name, text, rig in (
            ("own-1", "1 endpoint, its own topic", _spread(1, _OWN)),
            ("shared-1", "1 endpoint, the shared topic", _spread(1, _SHARED)),
            ("own-50", "50 endpoints, own topics, an event to one", _spread(50, _OWN)),
            ("shared-50", "50 endpoints, the shared topic, to one", _spread(50, _SHARED)),
            ("fan-out-own", "an event to 50 endpoints, own topics", _fanned_out(50, _OWN)),
            ("fan-out-shared", "an event to 50, the shared topic", _fanned_out(50, _SHARED)),
        )
    ),
)
_ENDPOINTS: Final = tuple(
    _throughput(Group.ENDPOINTS, name, text, rig)
    for name, text, rig in (
        ("own-500", "500 endpoints, own topics, an event to one", _spread(500, _OWN)),
        ("shared-10000", "10,000 endpoints, the shared topic, to one", _spread(10_000, _SHARED)),
        ("fan-out-100-own", "an event to 100 endpoints, own topics", _fanned_out(100, _OWN)),
        ("fan-out-100-shared", "an event to 100, the shared topic", _fanned_out(100, _SHARED)),
    )
)
_EVENTS: Final = tuple(
    _throughput(Group.EVENTS, name, text, replace(_spread(1, _OWN), **difference))
    for name, text, difference in (
        ("own-1-avro", "own-1, events in Avro", {"event_format": EventFormat.AVRO}),
        ("body-10k", "own-1, 10 KiB of data", {"data_bytes": 10 * KIB}),
        ("body-200k", "own-1, 200 KiB of data", {"data_bytes": 200 * KIB}),
        ("tls", "own-1, over TLS", {"receiver": OBSERVANT_TLS}),
        ("plain", "own-1, the receiver of tls, without TLS", {"receiver": OBSERVANT}),
    )
)
_FAILURES: Final = (
    _throughput(
        Group.FAILURES,
        "retried-own",
        "1 endpoint, its own topic, each fails once",
        _retried(1, _OWN),
    ),
    _throughput(
        Group.FAILURES,
        "retried-shared",
        "50 endpoints, the shared topic, each fails once",
        _retried(50, _SHARED),
    ),
)
_PROCESSES: Final = tuple(
    _throughput(
        Group.PROCESSES,
        f"senders-{number}",
        f"own-50, sender processes: {number}",
        _sent_by(number),
    )
    for number in (1, 2, 4)
)
_BACKLOGS: Final = tuple(
    Scenario(name, text, Group.BACKLOG, Kind.BACKLOG, rig)
    for name, text, rig in (
        ("backlog-own", "own-1, everything is published at once", _spread(1, _OWN)),
        ("backlog-shared", "shared-50, everything is published at once", _spread(50, _SHARED)),
    )
)
_LATENCIES: Final = (
    _latency("latency", 50.0, _OWN),
    _latency("latency-1000", 1_000.0, _OWN),
    _latency("latency-shared", 50.0, _SHARED),
    _latency("latency-1000-shared", 1_000.0, _SHARED),
)
_NEIGHBOURS: Final = tuple(
    _neighbour(behaviour, topics) for topics in (_OWN, _SHARED) for behaviour in _DOES
)

_INGESTS: Final = (
    _ingest("ingest-single", "events by the API, one a request", 1),
    _ingest("ingest-batch", f"events by the API, {BATCH} a request", BATCH),
)

_TRACINGS: Final = (
    Scenario(
        "tracing",
        "shared-50 untraced, sampled and all traced, in turns",
        Group.TRACING,
        Kind.TRACING,
        _spread(50, _SHARED),
    ),
)

SCENARIOS: Final = (
    *(*_SATURATION, *_ENDPOINTS, *_EVENTS, *_FAILURES, *_PROCESSES, *_BACKLOGS),
    *(*_LATENCIES, *_NEIGHBOURS, *_INGESTS, *_TRACINGS),
)
USUAL: Final = tuple(scenario for scenario in SCENARIOS if scenario.name in _USUAL)
"""What is measured where nothing is said."""
