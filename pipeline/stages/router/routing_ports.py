"""What routing works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.flow import Emit

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.domain.admission import Conditions
    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile_table import Profiles
    from pipeline.domain.rendering import CompiledBody
    from pipeline.domain.stars import Stars
    from pipeline.ports import EmitRefused
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.stages.router.delivery_records import DeliveryRecords
    from pipeline.telemetry.spans import Spans
    from pipeline.telemetry.tally import Tally

    Routed = tuple[Emit, Callable[[EmitRefused], Emit] | None]
    """What to produce, and what to produce instead where it is refused: not for a dead letter."""


@dataclass(frozen=True, slots=True)
class Route:
    """What the router needs of an endpoint beside its record."""

    body: CompiledBody
    conditions: Conditions
    is_open: bool
    """Whether it takes every event of its account that has one of its types."""
    key: bytes
    """Of the records of its deliveries: its id."""
    start: bytes
    """Of its deliveries, encoded: their `DeliveryStart`."""


@dataclass(frozen=True, slots=True)
class RoutingPorts:
    """What routing works with."""

    records: DeliveryRecords
    directory: Directory
    stars: Stars
    profiles: Profiles
    route: Callable[[Endpoint], Route]
    """Raises BodyProblem where no body can be made for the endpoint."""
    dead: DeadLettering
    tally: Tally
    spans: Spans
