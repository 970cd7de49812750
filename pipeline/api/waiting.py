"""`GET /v1/endpoints/{id}/waiting`: what an endpoint has not got yet, read from Kafka."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import seen_endpoint
from pipeline.api.endpoints import TAG, EndpointId
from pipeline.api.listing import DEFAULT_LIMIT, MAX_LIMIT
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import not_found, unavailable
from pipeline.api.store_work import in_thread
from pipeline.api.table_reach import FollowedTables
from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.delivery_log import Waiting, WaitingDelivery, WaitingLog
from pipeline.domain.delivery import Delivery
from pipeline.domain.endpoint import Endpoint
from pipeline.ports import LogsUnavailable
from pipeline.registry import Registry

_TIME: Final[dict[str, Any]] = dict(TIME_SCHEMA)
_EVERY: Final = sys.maxsize


class WaitingBody(BaseModel):
    """A delivery that waits."""

    model_config = ConfigDict(title="WaitingDelivery")

    id: str = Field(examples=["dlv_0R9D7KXQ6Z3M5V1N8T2W4Y6A8C"])
    webhook_id: str
    event_id: str
    event_type: str
    subject: str | None
    cause: str = Field(description="event, test, trigger_again, replay or redrive.")
    next_attempt: int = Field(description="The number of the attempt that it waits for, from 1.")
    due_at: str | None = Field(
        description="Not before this time; null: at once, when its turn comes.",
        json_schema_extra=_TIME,
    )
    since: str = Field(
        description="When it was tried first, or written for the endpoint.",
        json_schema_extra=_TIME,
    )
    dropped: bool = Field(description="It is not sent: its sender has yet to come to it.")


class WaitingList(BaseModel):
    """What is not finished, as far as it was read."""

    model_config = ConfigDict(title="Waiting")

    count: int
    oldest_at: str | None = Field(json_schema_extra=_TIME)
    items: list[WaitingBody] = Field(description="The oldest first, at most `limit`.")
    complete: bool = Field(
        description="False where reading was cut after its time or number of records: then there"
        " may be more, and older ones."
    )


@dataclass(frozen=True, slots=True)
class WaitingPorts:
    """What is asked."""

    registry: Registry
    log: WaitingLog
    tables: FollowedTables


def router(ports: WaitingPorts) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=[TAG])

    @routes.get(
        "/v1/endpoints/{endpoint}/waiting",
        operation_id="readWaiting",
        summary="What waits for an endpoint: in its log and in the retry tiers.",
        description=(
            "Read from Kafka now, so it also has what nobody has tried yet. What is being sent"
            " waits, too, until its answer is written."
        ),
        responses=problem_responses(404),
    )
    async def read_waiting(
        endpoint: EndpointId,
        caller: FromCaller,
        limit: Annotated[
            int, Query(ge=1, le=MAX_LIMIT, description="How many items to answer.")
        ] = DEFAULT_LIMIT,
    ) -> WaitingList:
        return await in_thread(_read, ports, caller, endpoint, limit)

    return routes


def check_waits(ports: WaitingPorts, caller: Caller, endpoint_id: str, delivery_id: str) -> str:
    """The account's id. Blocking. Raises Problem: 404 where none was found in time, 503."""
    endpoint = _seen(ports, caller, endpoint_id)
    found = _waiting(ports, endpoint, limit=_EVERY)
    if all(each.delivery.delivery_id != delivery_id for each in found.items):
        cut = "" if found.is_complete else ", as far as could be read in time"
        raise not_found(f"No delivery {delivery_id} waits for the endpoint {endpoint_id}{cut}.")
    return endpoint.account


def _waiting(ports: WaitingPorts, endpoint: Endpoint, *, limit: int) -> Waiting:
    table = ports.tables.interventions

    def is_over(delivery: Delivery) -> bool:
        return table.is_superseded(delivery.delivery_id, delivery.attempt)

    try:
        return ports.log.waiting(endpoint, limit=limit, is_over=is_over)
    except LogsUnavailable as exc:
        raise unavailable("Kafka does not answer.") from exc


def _read(ports: WaitingPorts, caller: Caller, endpoint_id: str, limit: int) -> WaitingList:
    """Raises Problem: 404, 503."""
    table = ports.tables.interventions
    found = _waiting(ports, _seen(ports, caller, endpoint_id), limit=limit)
    return WaitingList(
        count=found.total,
        oldest_at=time_text(found.oldest_at_ms),
        items=[
            _body(each, is_dropped=table.is_dropped(each.delivery.delivery_id))
            for each in found.items
        ],
        complete=found.is_complete,
    )


def _seen(ports: WaitingPorts, caller: Caller, endpoint_id: str) -> Endpoint:
    with ports.registry.reading() as reader:
        return seen_endpoint(reader, caller, endpoint_id)


def _body(waiting: WaitingDelivery, *, is_dropped: bool) -> WaitingBody:
    delivery = waiting.delivery
    return WaitingBody(
        id=delivery.delivery_id,
        webhook_id=delivery.webhook_id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        subject=delivery.subject,
        cause=delivery.cause,
        next_attempt=delivery.attempt,
        due_at=time_text(delivery.due_at_ms),
        since=time_text(waiting.since_ms) or "",
        dropped=is_dropped,
    )
