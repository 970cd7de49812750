"""Events: published one by one or many at once, or only tried."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pipeline.api.caller import FromCaller
from pipeline.api.direct_ingest import BATCH_PATH, SINGLE_PATH
from pipeline.api.event_dry_run import DryRun
from pipeline.api.event_openapi import (
    batch_answer,
    batch_request,
    dry_run_request,
    single_answer,
    single_request,
)
from pipeline.api.event_reading import read_single
from pipeline.api.ingest import Ingest
from pipeline.api.listing import FromList, listed
from pipeline.api.problem_responses import problem_responses
from pipeline.domain.admission import Admission, Explanation
from pipeline.domain.event_rules import EVERY_ACCOUNT
from pipeline.domain.identifiers import new_id

_TAG: Final = "Events"
_MEDIA_TYPE: Final = "application/json"
_ENTROPY_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class EventPorts:
    """What events need."""

    ingest: Ingest
    dry_run: DryRun
    now_ms: Callable[[], int]


class Tried(BaseModel):
    """What would become of the event at one endpoint."""

    model_config = ConfigDict(title="TriedEndpoint")

    endpoint: str = Field(examples=["shop-orders"])
    receives: bool = Field(description="Whether it would get the event, at once or once active.")
    reason: Admission
    detail: str = Field(examples=["the endpoint did not ask for this event type"])


class TriedList(BaseModel):
    """A piece of the account's endpoints."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "endpoint": "shop-orders",
                            "receives": False,
                            "reason": "event_type",
                            "detail": "the endpoint did not ask for this event type",
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )

    items: list[Tried]
    next: Annotated[str | None, Field(description="The cursor of the next piece.")]


def router(ports: EventPorts) -> APIRouter:
    """The routes. The first two are answered by `direct_operations` wherever these are mounted."""
    routes = APIRouter(tags=[_TAG])

    @routes.post(
        SINGLE_PATH,
        operation_id="publishEvent",
        summary="Publish an event.",
        status_code=HTTPStatus.ACCEPTED,
        response_class=Response,
        responses={202: single_answer(), **problem_responses(403, 409)},
        openapi_extra=single_request(),
    )
    async def publish_event(request: Request) -> Response:
        """Answered once Kafka has acknowledged the event. Operators' keys alone may do it."""
        return _accepted(await ports.ingest.single(request.scope, request.receive))

    @routes.post(
        BATCH_PATH,
        operation_id="publishEvents",
        summary="Publish up to 1,000 events.",
        status_code=HTTPStatus.ACCEPTED,
        response_class=Response,
        responses={202: batch_answer(), **problem_responses(403, 409)},
        openapi_extra=batch_request(),
    )
    async def publish_events(request: Request) -> Response:
        """All of them are checked before any is published. Operators' keys alone may do it."""
        return _accepted(await ports.ingest.batch(request.scope, request.receive))

    @routes.post(
        "/v1/events/dry-run",
        operation_id="tryEvent",
        summary="See which endpoints an event would reach, and why not the others.",
        response_model=TriedList,
        responses=problem_responses(404),
        openapi_extra=dry_run_request(),
    )
    async def try_event(request: Request, caller: FromCaller, piece: FromList) -> TriedList:
        """Nothing is published. An account's key may try events of its own account."""
        now_ms = ports.now_ms()
        fresh_id = new_id("evt", now_ms=now_ms, entropy=os.urandom(_ENTROPY_BYTES))
        event = read_single(await request.body(), new_id=lambda _: fresh_id, now_ms=now_ms)
        if event.account == EVERY_ACCOUNT:
            caller.check_operator()
        else:
            caller.check_sees(event.account)
        found = await ports.dry_run.explained(event, piece)
        answered = listed(found, piece, key=lambda explanation: explanation.endpoint)
        return TriedList(items=list(map(_tried, answered.items)), next=answered.next)

    return routes


def _accepted(body: bytes) -> Response:
    return Response(body, HTTPStatus.ACCEPTED, media_type=_MEDIA_TYPE)


def _tried(explanation: Explanation) -> Tried:
    return Tried(
        endpoint=explanation.endpoint,
        receives=explanation.admission.reaches,
        reason=explanation.admission,
        detail=explanation.text,
    )
