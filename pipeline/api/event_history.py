"""`GET /v1/events/{id}`: what became of an event, and why it did not reach the other endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.deliveries import SeenLog
from pipeline.api.delivery_models import DeliveryBody
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import Problem, not_found
from pipeline.api.sent_requests import RecordReading, SentRequests
from pipeline.api.store_work import in_thread
from pipeline.api.table_reach import FollowedTables
from pipeline.api.times import TIME_SCHEMA
from pipeline.delivery_log import DeliveryFilter, StoredDelivery
from pipeline.domain.admission import AccountView, Explanation, explain
from pipeline.domain.endpoint import EndpointStatus
from pipeline.domain.event import Event
from pipeline.domain.event_rules import EVERY_ACCOUNT
from pipeline.domain.rfc3339 import time_text_of
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable

_MOST_DELIVERIES: Final = 500
_US_PER_MS: Final = 1_000
_NOT_ROUTED: Final = "not_routed"
_NOT_ROUTED_TEXT: Final = "it would get the event now, and did not when the event was routed"
_TIME: Final[dict[str, Any]] = dict(TIME_SCHEMA)

_EventId = Annotated[str, Path(min_length=1, max_length=256, examples=["evt_01JNB9Q4J7Z4X9V1T0"])]


class UnmatchedEndpoint(BaseModel):
    """An endpoint that the event did not reach."""

    endpoint: str
    reason: str = Field(examples=["event_type"])
    detail: str = Field(examples=["the endpoint did not ask for this event type"])


class PublishedEvent(BaseModel):
    """The event as it was published, without its data."""

    type: str
    account: str
    subject: str | None
    time: str = Field(json_schema_extra=_TIME)
    metadata: dict[str, str]


class EventHistory(BaseModel):
    """What became of an event."""

    model_config = ConfigDict(title="EventHistory")

    id: str
    event: PublishedEvent | None = Field(
        description="Null where it cannot be read in Kafka (any more)."
    )
    deliveries: list[DeliveryBody] = Field(
        description=f"The newest {_MOST_DELIVERIES}; `/v1/deliveries?event_id=` has all."
    )
    unmatched: list[UnmatchedEndpoint] | None = Field(
        description=(
            "The other endpoints of the account and why they did not get it, as routing would"
            " decide now. Null where the event cannot be read."
        )
    )


@dataclass(frozen=True, slots=True)
class HistoryPorts:
    """What histories are made of."""

    log: SeenLog
    sent: SentRequests
    records: RecordReading
    tables: FollowedTables
    decode_event: Callable[[Record], Event]


def router(ports: HistoryPorts) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["Events"])

    @routes.get(
        "/v1/events/{event:path}",
        operation_id="readEvent",
        summary="What became of an event: its deliveries, and the endpoints that it did not reach.",
        responses=problem_responses(404),
    )
    async def read_event(event: _EventId, caller: FromCaller) -> EventHistory:
        return await _history(ports, caller, event)

    return routes


async def _history(ports: HistoryPorts, caller: Caller, event_id: str) -> EventHistory:
    wanted = DeliveryFilter(event_id=event_id, account=caller.account)
    deliveries = await in_thread(ports.log.log.deliveries, wanted, limit=_MOST_DELIVERIES)
    if not deliveries:
        raise not_found(f"There is no delivery of an event {event_id} (yet).")
    event = await _event(ports, deliveries, event_id)
    return EventHistory(
        id=event_id,
        event=None if event is None else _published(event),
        deliveries=[ports.log.body(each) for each in deliveries],
        unmatched=None if event is None else list(_unmatched(ports.tables, event, deliveries)),
    )


async def _event(
    ports: HistoryPorts, deliveries: Sequence[StoredDelivery], event_id: str
) -> Event | None:
    """By the first of its deliveries that can still be read; none is looked for further."""
    tried = next((each for each in deliveries if each.record is not None), None)
    if tried is None:
        return None
    try:
        source = (await ports.sent.of(tried)).source
    except Problem:
        return None  # archived, or gone
    if not source.topic:
        return None  # a sample, of no topic
    value = await ports.records.read(source)
    if value is None:
        return None
    place = Partition(source.topic, source.partition)
    published_at_ms = (tried.occurred_at_us or 0) // _US_PER_MS
    try:
        event = ports.decode_event(Record(place, source.offset, None, value, published_at_ms))
    except Undecodable:
        return None
    return event if event.id == event_id else None


def _published(event: Event) -> PublishedEvent:
    return PublishedEvent(
        type=event.type,
        account=event.account,
        subject=event.subject,
        time=time_text_of(event.time_us),
        metadata=dict(event.metadata),
    )


def _unmatched(
    tables: FollowedTables, event: Event, deliveries: Sequence[StoredDelivery]
) -> Iterable[UnmatchedEndpoint]:
    """Of an event for every account: in the accounts whose deliveries are seen."""
    reached = {each.endpoint for each in deliveries}
    accounts = {each.account for each in deliveries}
    if event.account != EVERY_ACCOUNT:
        accounts &= {event.account}
    for account in sorted(accounts):
        for explanation in _explained(tables, event, account, reached=reached):
            yield _unmatched_endpoint(explanation)


def _explained(
    tables: FollowedTables, event: Event, account: str, *, reached: set[str]
) -> list[Explanation]:
    directory = tables.directory
    others = [
        endpoint
        for endpoint_id in sorted(directory.endpoints_of(account))
        if endpoint_id not in reached
        and (endpoint := directory.endpoint(endpoint_id)) is not None
        and endpoint.status is not EndpointStatus.REMOVED
    ]
    view = AccountView(directory.account(account), others, tables.profiles.get, tables.stars.star)
    return explain(event, view)


def _unmatched_endpoint(explanation: Explanation) -> UnmatchedEndpoint:
    if explanation.admission.reaches:
        return UnmatchedEndpoint(
            endpoint=explanation.endpoint, reason=_NOT_ROUTED, detail=_NOT_ROUTED_TEXT
        )
    return UnmatchedEndpoint(
        endpoint=explanation.endpoint, reason=explanation.admission, detail=explanation.text
    )
