"""Router.

An event in, one delivery for each endpoint that asked for it out, its body rendered once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipeline.domain.body_problem import BodyProblem
from pipeline.domain.delivery import Cause, Delivery, Reason
from pipeline.domain.event_values import EventValues
from pipeline.domain.identifiers import delivery_id, webhook_id
from pipeline.domain.rendering import render
from pipeline.flow import Emit
from pipeline.ports import Oversize, Undecodable
from pipeline.stages.dead_lettering import position_of
from pipeline.telemetry.instruments import DELIVERIES_CREATED, EVENTS_ROUTED, RECORDS_READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.event import Event
    from pipeline.domain.profile import Profile
    from pipeline.domain.rendering import CompiledBody, RenderedBody
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Partition, Record, StartAt
    from pipeline.ports import EmitRefused, Records
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.telemetry.spans import Spans
    from pipeline.telemetry.tally import Tally


@dataclass(frozen=True, slots=True)
class Route:
    """What the router needs of an endpoint beside its record."""

    profile: Profile
    body: CompiledBody


@dataclass(frozen=True, slots=True)
class RouterPorts:
    """What the router works with."""

    outlet: Outlet
    records: Records
    directory: Directory
    route: Callable[[Endpoint], Route]
    """Raises BodyProblem where no body can be made for the endpoint."""
    dead: DeadLettering
    tally: Tally
    spans: Spans


class _Routed(NamedTuple):
    """One emit of an event, and the delivery in it unless it is a dead letter."""

    emit: Emit
    delivery: Delivery | None = None


class Router:
    """An intake over the source topics; `work` must run beside the loop.

    Events of a partition are routed in order, and their deliveries produced in that order.
    """

    def __init__(self, loop: ConsumeLoop, ports: RouterPorts) -> None:
        self._loop = loop
        self._ports = ports
        self._queue: deque[Record] = deque()
        self._under_way: tuple[Ticket, Iterator[_Routed]] | None = None
        self._stopped: set[Partition] = set()
        self._wake = asyncio.Event()

    def begin(self, start: StartAt) -> None:
        self._stopped.discard(start.partition)

    def take(self, records: Sequence[Record]) -> None:
        self._ports.tally.add(RECORDS_READ, "events", amount=len(records))
        self._queue.extend(records)
        self._advance()

    def bury(self, record: Record) -> None:
        ticket = self._loop.open_ticket(record)
        self._ports.outlet.send(self._ports.dead.of_culprit(record), ticket)
        ticket.release()

    def stop(self, partitions: frozenset[Partition]) -> None:
        self._stopped |= partitions
        self._queue = deque(record for record in self._queue if record.partition not in partitions)

    def forget(self, partitions: frozenset[Partition]) -> None:
        self.stop(partitions)
        if self._under_way is not None and self._under_way[0].record.partition in partitions:
            self._under_way = None

    async def work(self) -> None:
        """Go on when there is room again, for ever."""
        while True:
            await self._wake.wait()
            await self._ports.outlet.wait_room()
            self._wake.clear()
            self._advance()

    def _advance(self) -> None:
        """Route until there is no room.

        An event with many endpoints may stop half way and go on later.
        """
        while not self._ports.outlet.is_congested:
            if self._under_way is None:
                if not self._queue:
                    return
                record = self._queue.popleft()
                self._under_way = (self._loop.open_ticket(record), self._routed(record))
            ticket, routed = self._under_way
            if self._send(ticket, routed):
                ticket.release()
                self._under_way = None
        self._wake.set()

    def _send(self, ticket: Ticket, routed: Iterator[_Routed]) -> bool:
        """False if it had to stop before the end."""
        outlet = self._ports.outlet
        for emit, delivery in routed:
            outlet.send(emit, ticket, instead=self._instead(delivery, ticket.record))
            if outlet.is_congested:
                return False
        return True

    def _instead(
        self, delivery: Delivery | None, record: Record
    ) -> Callable[[EmitRefused], Emit] | None:
        if delivery is None:
            return None

        def instead(refused: EmitRefused) -> Emit:
            reason = Reason.OVERSIZE if refused.too_large else Reason.ENDPOINT_UNAVAILABLE
            return self._ports.dead.of_delivery(delivery, reason, record=record)

        return instead

    def _routed(self, record: Record) -> Iterator[_Routed]:
        tally = self._ports.tally
        try:
            event = self._ports.records.decode_event(record)
        except Undecodable as error:
            tally.add(EVENTS_ROUTED, "undecodable")
            reason = Reason.OVERSIZE if isinstance(error, Oversize) else Reason.UNDECODABLE
            yield _Routed(self._ports.dead.of_record(record, reason, error=str(error)))
            return
        endpoints = self._ports.directory.matching(event.account, event.type)
        tally.add(EVENTS_ROUTED, "matched" if endpoints else "unmatched")
        tally.add(DELIVERIES_CREATED, amount=len(endpoints))
        span = self._ports.spans.start(
            "route", record.headers, attributes={"event.id": event.id, "event.type": event.type}
        )
        rendering = _Rendering(event, self._ports.spans.headers_below(span, record.headers))
        is_buried = False
        for endpoint in endpoints:
            routed = self._deliver(rendering, endpoint, record=record)
            # However many endpoints it fails for, the event is one dead letter, with its bytes.
            if routed.delivery is not None or not is_buried:
                yield routed
            is_buried = is_buried or routed.delivery is None
        if span is not None:
            span.end()

    def _deliver(self, rendering: _Rendering, endpoint: Endpoint, *, record: Record) -> _Routed:
        event = rendering.event
        webhook = webhook_id(event.id, endpoint=endpoint.id)
        try:
            route = self._ports.route(endpoint)
            if _lacks_subject(event, route.profile):
                text = f"{event.type} needs a subject {_prefix(route.profile)}<id>"
                return _Routed(self._ports.dead.of_record(record, Reason.NO_SUBJECT, error=text))
            rendered = rendering.render(route.body, endpoint.id, webhook)
        except BodyProblem as problem:
            text = f"endpoint {endpoint.id}: {problem}"
            return _Routed(self._ports.dead.of_record(record, problem.reason, error=text))
        delivery = _delivery(event, endpoint, rendered=rendered, webhook=webhook, record=record)
        emit = Emit(
            endpoint.topic,
            self._ports.records.encode_delivery(delivery),
            endpoint.id.encode(),
            rendering.headers,
        )
        return _Routed(emit, delivery)


class _Rendering:
    """Bodies of one event; one that is the same for every endpoint is rendered once."""

    __slots__ = ("_shared", "_values", "event", "headers")

    def __init__(self, event: Event, headers: list[tuple[str, bytes]] | None) -> None:
        self.event = event
        self.headers = headers
        """Of the records of its deliveries."""
        self._values = EventValues(event)
        self._shared: dict[int, RenderedBody] = {}

    def render(self, body: CompiledBody, endpoint_id: str, webhook: str) -> RenderedBody:
        if not body.is_shared:
            return render(body, self._values, endpoint_id=endpoint_id, webhook_id=webhook)
        rendered = self._shared.get(id(body))
        if rendered is None:
            rendered = render(body, self._values, endpoint_id=endpoint_id, webhook_id=webhook)
            self._shared[id(body)] = rendered
        return rendered


def _delivery(
    event: Event, endpoint: Endpoint, *, rendered: RenderedBody, webhook: str, record: Record
) -> Delivery:
    return Delivery(
        delivery_id=delivery_id(webhook, cause=Cause.EVENT, cause_id=None),
        webhook_id=webhook,
        endpoint=endpoint.id,
        endpoint_version=endpoint.version,
        attempt=1,
        first_attempt_at_ms=None,
        due_at_ms=None,
        parked=0,
        cause=Cause.EVENT,
        cause_id=None,
        account=endpoint.account,
        event_id=event.id,
        event_type=event.type,
        subject=event.subject,
        occurred_at_us=event.time_us,
        body=rendered.body,
        content_type=rendered.content_type,
        headers=rendered.headers,
        source=position_of(record),
    )


def _prefix(profile: Profile) -> str:
    return profile.relations.subject_prefix if profile.relations else ""


def _lacks_subject(event: Event, profile: Profile) -> bool:
    rules = profile.relations
    if rules is None or event.type.rpartition(".")[0] not in rules.objects:
        return False
    subject = event.subject or ""
    return not (
        subject.startswith(rules.subject_prefix) and len(subject) > len(rules.subject_prefix)
    )
