"""What an event becomes: a delivery for each endpoint that asked for it, or a dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.domain.body_problem import BodyProblem, NoSubject
from pipeline.domain.delivery import Reason
from pipeline.domain.delivery_parts import DeliveryContent
from pipeline.domain.event_values import EventValues
from pipeline.domain.identifiers import ids_of_new_delivery
from pipeline.domain.rendering import render
from pipeline.flow import Emit
from pipeline.ports import Oversize, Undecodable
from pipeline.stages.dead_lettering import position_of
from pipeline.telemetry.instruments import DELIVERIES_CREATED, EVENTS_ROUTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.event import Event
    from pipeline.domain.profile import Profile
    from pipeline.domain.rendering import CompiledBody
    from pipeline.flow import Record
    from pipeline.ports import EmitRefused
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.stages.router.delivery_records import DeliveryRecords
    from pipeline.telemetry.spans import Spans
    from pipeline.telemetry.tally import Tally

    Routed = tuple[Emit, Callable[[EmitRefused], Emit] | None]
    """What to produce, and what to produce instead where it is refused: not for a dead letter."""

MOST_KEPT_BODIES = 8
"""Of one event, for its next endpoints; each may have 3 MiB."""


@dataclass(frozen=True, slots=True)
class Route:
    """What the router needs of an endpoint beside its record."""

    profile: Profile
    body: CompiledBody
    key: bytes
    """Of the records of its deliveries: its id."""
    start: bytes
    """Of its deliveries, encoded: their `DeliveryStart`."""


@dataclass(frozen=True, slots=True)
class RoutingPorts:
    """What routing works with."""

    records: DeliveryRecords
    directory: Directory
    route: Callable[[Endpoint], Route]
    """Raises BodyProblem where no body can be made for the endpoint."""
    dead: DeadLettering
    tally: Tally
    spans: Spans


class Routing:
    """Makes what is to be produced of each event."""

    def __init__(self, ports: RoutingPorts) -> None:
        self._ports = ports
        self._matched = 0
        self._unmatched = 0
        self._deliveries = 0

    def count(self) -> None:
        """Tell the tally what was routed since the last time: after a batch, not for each event."""
        tally = self._ports.tally
        tally.add(EVENTS_ROUTED, "matched", amount=self._matched)
        tally.add(EVENTS_ROUTED, "unmatched", amount=self._unmatched)
        tally.add(DELIVERIES_CREATED, amount=self._deliveries)
        self._matched = self._unmatched = self._deliveries = 0

    def routed(self, record: Record) -> Iterator[Routed]:
        """Each is made when it is asked for, for all of them may be too many to hold."""
        ports = self._ports
        try:
            event = ports.records.decode_event(record)
        except Undecodable as error:
            ports.tally.add(EVENTS_ROUTED, "undecodable")
            reason = Reason.OVERSIZE if isinstance(error, Oversize) else Reason.UNDECODABLE
            return iter(((ports.dead.of_record(record, reason, error=str(error)), None),))
        endpoints = ports.directory.matching(event.account, event.type)
        if endpoints:
            self._matched += 1
            self._deliveries += len(endpoints)
        else:
            self._unmatched += 1
        if record.headers or ports.spans.is_collecting:
            return self._traced(record, event, endpoints)
        return self._fan_out(record, event, endpoints=endpoints, headers=None)

    def _traced(
        self, record: Record, event: Event, endpoints: tuple[Endpoint, ...]
    ) -> Iterator[Routed]:
        spans = self._ports.spans
        attributes = {"event.id": event.id, "event.type": event.type}
        span = spans.start("route", record.headers, attributes=attributes)
        headers = spans.headers_below(span, record.headers)
        yield from self._fan_out(record, event, endpoints=endpoints, headers=headers)
        if span is not None:
            span.end()

    def _fan_out(
        self,
        record: Record,
        event: Event,
        *,
        endpoints: tuple[Endpoint, ...],
        headers: list[tuple[str, bytes]] | None,
    ) -> Iterator[Routed]:
        records, find_route = self._ports.records, self._ports.route
        contents = _Contents(record, event, records)
        event_id = event.id.encode()
        is_buried = False
        for endpoint in endpoints:
            try:
                route = find_route(endpoint)
                ids = ids_of_new_delivery(event_id, endpoint=route.key)
                content = contents.of(route, endpoint.id, webhook=ids[0])
            except BodyProblem as problem:
                # However many endpoints it fails for, the event is one dead letter, with its bytes.
                if not is_buried:
                    is_buried = True
                    text = f"endpoint {endpoint.id}: {problem}"
                    yield self._ports.dead.of_record(record, problem.reason, error=text), None
                continue
            value = records.join_delivery(ids, start=route.start, content=content)
            emit = Emit(endpoint.topic, value, route.key, headers)
            yield emit, partial(self._instead, record, emit)

    def _instead(self, record: Record, emit: Emit, refused: EmitRefused) -> Emit:
        delivery = self._ports.records.decode_delivery(emit.value)
        reason = Reason.OVERSIZE if refused.too_large else Reason.ENDPOINT_UNAVAILABLE
        return self._ports.dead.of_delivery(delivery, reason, record=record)


class _Contents:
    """Encoded contents of one event's deliveries.

    What is the same for every endpoint that has the same body is made once.
    """

    __slots__ = ("_event", "_kept", "_record", "_records", "_values")

    def __init__(self, record: Record, event: Event, records: DeliveryRecords) -> None:
        self._record = record
        self._event = event
        self._records = records
        self._values = EventValues(event)
        self._kept: dict[CompiledBody, bytes] = {}

    def of(self, route: Route, endpoint_id: str, *, webhook: bytes) -> bytes:
        """Raises BodyProblem."""
        body = route.body
        content = self._kept.get(body)
        if content is None:
            content = self._made(route, endpoint_id, webhook)
            if body.is_shared and len(self._kept) < MOST_KEPT_BODIES:
                self._kept[body] = content
        return content

    def _made(self, route: Route, endpoint_id: str, webhook: bytes) -> bytes:
        event = self._event
        _check_subject(event, route.profile)
        rendered = render(
            route.body, self._values, endpoint_id=endpoint_id, webhook_id=webhook.decode()
        )
        return self._records.encode_content(
            DeliveryContent(
                event.account,
                event.id,
                event.type,
                event.subject,
                event.time_us,
                *rendered,
                position_of(self._record),
            )
        )


def _check_subject(event: Event, profile: Profile) -> None:
    rules = profile.relations
    if rules is None or event.type.rpartition(".")[0] not in rules.objects:
        return
    subject, prefix = event.subject or "", rules.subject_prefix
    if not subject.startswith(prefix) or len(subject) == len(prefix):
        raise NoSubject(f"{event.type} needs a subject {prefix}<id>")
