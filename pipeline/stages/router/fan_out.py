"""One event on its way to its endpoints: deliveries one after the other, or a dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from pipeline.domain.admission import Admitting, companies_of
from pipeline.domain.body_problem import BodyProblem, NoSubject
from pipeline.domain.delivery import Reason
from pipeline.domain.event_rules import EVERY_ACCOUNT
from pipeline.domain.event_values import EventValues
from pipeline.flow import Emit
from pipeline.stages.router.contents import Contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.event import Event
    from pipeline.flow import Record
    from pipeline.ports import EmitRefused
    from pipeline.stages.router.routing_ports import Route, Routed, RoutingPorts

    Headers = list[tuple[str, bytes]] | None


_NONE: Final[frozenset[str]] = frozenset()


@dataclass(slots=True)
class RoutedCounts:
    """What was routed since somebody looked."""

    matched: int = 0
    unmatched: int = 0
    deliveries: int = 0


class FanOut:
    """Makes each delivery when it is asked for, for all of them may be too many to hold."""

    __slots__ = (
        *("_admitting", "_contents", "_counts", "_created", "_event", "_is_buried", "_ports"),
        "_record",
    )

    def __init__(
        self, ports: RoutingPorts, record: Record, event: Event, *, counts: RoutedCounts
    ) -> None:
        self._ports = ports
        self._counts = counts
        self._record = record
        self._event = event
        self._contents = Contents(
            record, EventValues(event), ports.records, headers=ports.label.headers
        )
        self._admitting: Admitting | None = None
        self._created = 0
        self._is_buried = False

    def emits(self, headers: Headers) -> Iterator[Routed]:
        """All that is to be produced of the event."""
        event = self._event
        if event.account == EVERY_ACCOUNT:
            return self._to_every_account(headers)
        endpoints = self._ports.directory.matching(event.account, event.type)
        return self._to(endpoints, self._contents, headers)

    def _to_every_account(self, headers: Headers) -> Iterator[Routed]:
        """To those that have a star on what it is about."""
        ports = self._ports
        try:
            companies = companies_of(self._event, ports.profiles.all())
        except NoSubject as problem:
            yield self._buried(problem, str(problem))
            companies = _NONE
        accounts = dict.fromkeys(
            account for company in companies for account in ports.stars.accounts(company)
        )
        for account in accounts:
            endpoints = ports.directory.matching(account, self._event.type)
            if endpoints:
                yield from self._to(endpoints, self._contents.for_account(account), headers)
        self._count()

    def _to(
        self, endpoints: Iterable[Endpoint], contents: Contents, headers: Headers
    ) -> Iterator[Routed]:
        records, find_route = self._ports.records, self._ports.route
        event_id, make_ids = self._event.id.encode(), self._ports.label.ids
        is_own = self._event.account != EVERY_ACCOUNT
        created = 0
        for endpoint in endpoints:
            try:
                route = find_route(endpoint)
                if not (is_own and route.is_open) and self._refuses(route, endpoint):
                    continue
                ids = make_ids(event_id, endpoint=route.key)
                content = contents.of(route.body, endpoint.id, webhook=ids[0])
            except BodyProblem as problem:
                # However many endpoints it fails for, the event is one dead letter, with its bytes.
                if not self._is_buried:
                    yield self._buried(problem, f"endpoint {endpoint.id}: {problem}")
                continue
            value = records.join_delivery(ids, start=route.start, content=content)
            emit = Emit(endpoint.topic, value, route.key, headers)
            created += 1
            yield emit, partial(self._instead, emit)
        self._created += created
        if is_own:
            self._count()

    def _count(self) -> None:
        counts = self._counts
        counts.deliveries += self._created
        if self._created or self._is_buried:
            counts.matched += 1
        else:
            counts.unmatched += 1

    def _refuses(self, route: Route, endpoint: Endpoint) -> bool:
        """Raises BodyProblem."""
        if self._admitting is None:
            self._admitting = Admitting(self._contents.values, self._ports.stars.star)
        return self._admitting.refusal(route.conditions, endpoint.account) is not None

    def _buried(self, problem: BodyProblem, text: str) -> Routed:
        self._is_buried = True
        dead = self._ports.dead
        return dead.of_event(self._record, self._event, problem.reason, error=text), None

    def _instead(self, emit: Emit, refused: EmitRefused) -> Emit:
        delivery = self._ports.records.decode_delivery(emit.value)
        reason = Reason.OVERSIZE if refused.too_large else Reason.ENDPOINT_UNAVAILABLE
        return self._ports.dead.of_delivery(delivery, reason, record=self._record)
