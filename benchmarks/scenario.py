"""What a scenario is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks.behaviours import Behaviour
from benchmarks.rigs import RigPlan


class Kind(StrEnum):
    """What a scenario's figures are."""

    THROUGHPUT = "throughput"
    BACKLOG = "backlog"
    """As throughput, but everything is published at once."""
    BARE_LOOP = "bare loop"
    LATENCY = "latency"
    NEIGHBOURS = "neighbours"
    INGEST = "ingest"
    """Events by the API, which alone runs."""
    TRACING = "tracing"
    """Untraced, sampled and all traced, in turns."""


class Group(StrEnum):
    """Scenarios that answer one question."""

    SATURATION = "saturation"
    ENDPOINTS = "endpoints"
    EVENTS = "events"
    FAILURES = "failures"
    PROCESSES = "processes"
    BACKLOG = "backlog"
    LATENCY = "latency"
    NEIGHBOURS = "neighbours"
    INGEST = "ingest"
    TRACING = "tracing"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One arrangement, and what is measured of it."""

    name: str
    text: str
    group: Group
    kind: Kind
    rig: RigPlan
    per_second: float | None = None
    """Events, where they come at an even pace."""
    behaviour: Behaviour | None = None
    """Of the one bad neighbour."""
    events_a_request: int | None = None
    """Where the API is asked."""

    def described(self) -> dict[str, Any]:
        """As results files say it."""
        rig, layout = self.rig, self.rig.pipeline.layout
        return {
            "name": self.name,
            "text": self.text,
            "group": self.group,
            "kind": self.kind,
            "accounts": layout.accounts,
            "endpoints": layout.endpoints,
            "fan_out": layout.fan_out,
            "topics": layout.topics,
            "event_format": rig.event_format,
            "data_bytes": rig.data_bytes,
            "attempts_each": rig.attempts_each,
            "sender_processes": rig.pipeline.sender_processes,
            "receiver": rig.receiver.module,
            "tls": rig.receiver.is_tls,
            "per_second": self.per_second,
            "behaviour": self.behaviour,
            "events_a_request": self.events_a_request,
        }
