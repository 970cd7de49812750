"""`/v1/event-types`: what events there are, as an operator describes them."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from pipeline.api.accounts import Location
from pipeline.api.caller import FromCaller
from pipeline.api.event_type_changes import EventTypeChanges, EventTypePorts
from pipeline.api.event_type_models import (
    EventTypeBody,
    EventTypeList,
    EventTypePatch,
    GivenEventType,
    NewEventType,
    body_of,
)
from pipeline.api.listing import FromList
from pipeline.api.problem_responses import problem_responses
from pipeline.api.store_work import in_thread


def router(ports: EventTypePorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/event-types", tags=["Event types"])
    changes = EventTypeChanges(ports)
    _add_reads(routes, changes)
    _add_writes(routes, changes)
    return routes


def _add_reads(routes: APIRouter, changes: EventTypeChanges) -> None:
    @routes.get(
        "",
        operation_id="listEventTypes",
        summary="All event types, in their order.",
        responses=problem_responses(403),
    )
    async def list_event_types(caller: FromCaller, piece: FromList) -> EventTypeList:
        caller.check_operator()
        part = await in_thread(changes.page, piece)
        return EventTypeList(items=[body_of(each) for each in part.items], next=part.next)

    @routes.get(
        "/{type}",
        operation_id="readEventType",
        summary="One event type.",
        responses=problem_responses(403, 404),
    )
    async def read_event_type(caller: FromCaller, type: str) -> EventTypeBody:  # noqa: A002 - the path's word
        caller.check_operator()
        return body_of(await in_thread(changes.found, type))


def _add_writes(routes: APIRouter, changes: EventTypeChanges) -> None:
    @routes.post(
        "",
        operation_id="createEventType",
        summary="Describe an event type. Where it has a schema, events are checked against it.",
        status_code=HTTPStatus.CREATED,
        responses={HTTPStatus.CREATED: Location, **problem_responses(403, 409)},
    )
    async def create_event_type(
        caller: FromCaller, given: NewEventType, response: Response
    ) -> EventTypeBody:
        caller.check_operator()
        caller.check_writes()
        made = await in_thread(changes.create, caller, given.model_dump())
        response.headers["Location"] = f"/v1/event-types/{made.type}"
        return body_of(made)

    @routes.put(
        "/{type}",
        operation_id="replaceEventType",
        summary="Replace an event type's description, schema and sample.",
        responses=problem_responses(403, 404),
    )
    async def replace_event_type(
        caller: FromCaller,
        type: str,  # noqa: A002 - the path's word
        given: GivenEventType,
    ) -> EventTypeBody:
        caller.check_operator()
        caller.check_writes()
        return body_of(await in_thread(changes.replace, caller, type, given.model_dump()))

    @routes.patch(
        "/{type}",
        operation_id="updateEventType",
        summary="Change an event type.",
        responses=problem_responses(403, 404),
    )
    async def update_event_type(
        caller: FromCaller,
        type: str,  # noqa: A002 - the path's word
        patch: EventTypePatch,
    ) -> EventTypeBody:
        caller.check_operator()
        caller.check_writes()
        members = patch.model_dump(exclude_unset=True)
        return body_of(await in_thread(changes.update, caller, type, members))

    @routes.delete(
        "/{type}",
        operation_id="deleteEventType",
        summary="Forget an event type; its events are delivered as before, and checked no more.",
        status_code=HTTPStatus.NO_CONTENT,
        responses=problem_responses(403, 404),
    )
    async def delete_event_type(caller: FromCaller, type: str) -> None:  # noqa: A002 - the path's word
        caller.check_operator()
        caller.check_writes()
        await in_thread(changes.remove, caller, type)
