"""What is measured, by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from benchmarks.endpoint_layouts import EndpointLayout, TopicKind
from benchmarks.events import EventFormat
from benchmarks.latency import LatencyPlan, measured_latency
from benchmarks.rig import Figures
from benchmarks.rigs import TIMED_RECEIVER, bare_rig, pipeline_rig
from benchmarks.throughput import ThroughputPlan, measured_throughput

_OWN_1: Final = EndpointLayout(1, 1, TopicKind.OWN)
_SHARED_1: Final = EndpointLayout(1, 1, TopicKind.SHARED)
_OWN_50: Final = EndpointLayout(50, 50, TopicKind.OWN)
_SHARED_50: Final = EndpointLayout(50, 50, TopicKind.SHARED)
_FAN_OUT_OWN: Final = EndpointLayout(1, 50, TopicKind.OWN)
_FAN_OUT_SHARED: Final = EndpointLayout(1, 50, TopicKind.SHARED)


class Kind(StrEnum):
    """What a scenario's figures are."""

    THROUGHPUT = "throughput"
    BARE_LOOP = "bare loop"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One arrangement of endpoints."""

    name: str
    text: str
    kind: Kind
    layout: EndpointLayout = _OWN_1
    event_format: EventFormat = EventFormat.JSON


@dataclass(frozen=True, slots=True)
class Plans:
    """How much each kind measures."""

    throughput: ThroughputPlan
    latency: LatencyPlan


SCENARIOS: Final = (
    Scenario("bare-loop", "consume, sign, POST, produce, commit: the limit", Kind.BARE_LOOP),
    Scenario("own-1", "1 endpoint, its own topic", Kind.THROUGHPUT),
    Scenario(
        "own-1-avro", "the same, events in Avro", Kind.THROUGHPUT, event_format=EventFormat.AVRO
    ),
    Scenario("shared-1", "1 endpoint, the shared topic", Kind.THROUGHPUT, _SHARED_1),
    Scenario("own-50", "50 endpoints, own topics, an event to one", Kind.THROUGHPUT, _OWN_50),
    Scenario("shared-50", "50 endpoints, the shared topic, to one", Kind.THROUGHPUT, _SHARED_50),
    Scenario("fan-out-own", "an event to 50 endpoints, own topics", Kind.THROUGHPUT, _FAN_OUT_OWN),
    Scenario(
        "fan-out-shared", "an event to 50, the shared topic", Kind.THROUGHPUT, _FAN_OUT_SHARED
    ),
    Scenario("latency", "1 endpoint, its own topic, an even pace", Kind.LATENCY),
)


def measured(scenario: Scenario, plans: Plans) -> Figures:
    """One run from nothing to nothing. Raises BenchmarkFailed."""
    name, layout, event_format = scenario.name, scenario.layout, scenario.event_format
    match scenario.kind:
        case Kind.THROUGHPUT:
            with pipeline_rig(name, layout, event_format=event_format) as rig:
                return measured_throughput(rig, plans.throughput)
        case Kind.BARE_LOOP:
            with bare_rig(name) as rig:
                return measured_throughput(rig, plans.throughput)
        case Kind.LATENCY:
            with pipeline_rig(
                name, layout, event_format=event_format, receiver_module=TIMED_RECEIVER
            ) as rig:
                return measured_latency(rig, plans.latency)
