"""What routing works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.domain.delivery_label import BY_EVENT, DeliveryLabel
from pipeline.flow import Emit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.domain.admission import Conditions
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.profile_table import Profiles
    from pipeline.domain.rendering import CompiledBody
    from pipeline.domain.stars import Stars
    from pipeline.flow import Record
    from pipeline.ports import EmitRefused
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.stages.router.delivery_records import DeliveryRecords
    from pipeline.telemetry.spans import Spans
    from pipeline.telemetry.tally import Tally

    Routed = tuple[Emit, Callable[[EmitRefused], Emit] | None]
    """What to produce, and what to produce instead where it is refused: not for a dead letter."""


class Recipients(Protocol):
    """Who may get an event: a `Directory`, or a part of it."""

    def matching(self, account_id: str, event_type: str) -> tuple[Endpoint, ...]:
        """Endpoints of the account that asked for this type and are not removed."""
        ...


class RoutesRecords(Protocol):
    """A `Routing`, or a part of what it makes."""

    def routed(self, record: Record) -> Iterator[Routed]:
        """All that is to be produced of an event, each made when it is asked for."""
        ...

    def count(self) -> None:
        """Tell the tally what was routed since the last time."""
        ...


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
    directory: Recipients
    stars: Stars
    profiles: Profiles
    route: Callable[[Endpoint], Route]
    """Raises BodyProblem where no body can be made for the endpoint."""
    dead: DeadLettering
    tally: Tally
    spans: Spans
    group: str = "router"
    """The consumer group that routes, as its spans say it."""
    label: DeliveryLabel = BY_EVENT
    """What the deliveries say of why they exist; `route` puts its cause into their start."""
