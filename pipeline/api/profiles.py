"""`/v1/profiles`: those that are shipped, and those that an operator defines."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Response
from pydantic import JsonValue
from pydantic.fields import FieldInfo

from pipeline.api.accounts import Location
from pipeline.api.caller import FromCaller
from pipeline.api.listing import FromList
from pipeline.api.problem_responses import problem_responses
from pipeline.api.profile_changes import ProfileChanges, ProfilePorts, ShownProfile
from pipeline.api.profile_models import EXAMPLE, ProfileBody, ProfileList
from pipeline.api.store_work import in_thread
from pipeline.api.times import time_text
from pipeline.domain.profile_document import PROFILE_FIELDS


def _body(*required: str) -> FieldInfo:
    schema: dict[str, Any] = {
        "type": "object",
        "description": "What the profile fixes: its body's formats, headers, signature, retries.",
        "properties": {name: {} for name in PROFILE_FIELDS},
        "required": required,
        "additionalProperties": False,
    }
    told = Body(examples=[EXAMPLE], json_schema_extra=schema)
    assert isinstance(told, FieldInfo)  # noqa: S101 - which its signature does not say
    return told


_NewDocument = Annotated[dict[str, JsonValue], _body("name", "formats")]
_Document = Annotated[dict[str, JsonValue], _body("formats")]
_WRITING: Final[Mapping[int | str, dict[str, Any]]] = problem_responses(403, 404, 409)


def router(ports: ProfilePorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/profiles", tags=["Profiles"])
    changes = ProfileChanges(ports)
    _add_reads(routes, changes)
    _add_writes(routes, changes)
    return routes


def _add_reads(routes: APIRouter, changes: ProfileChanges) -> None:
    @routes.get(
        "",
        operation_id="listProfiles",
        summary="All profiles, in the order of their names.",
        responses=problem_responses(403),
    )
    async def list_profiles(caller: FromCaller, piece: FromList) -> ProfileList:
        caller.check_operator()
        part = await in_thread(changes.page, piece)
        return ProfileList(items=[_body_of(shown) for shown in part.items], next=part.next)

    @routes.get(
        "/{name}",
        operation_id="readProfile",
        summary="One profile.",
        responses=problem_responses(403, 404),
    )
    async def read_profile(caller: FromCaller, name: str) -> ProfileBody:
        caller.check_operator()
        return _body_of(await in_thread(changes.found, name))


def _add_writes(routes: APIRouter, changes: ProfileChanges) -> None:
    @routes.post(
        "",
        operation_id="createProfile",
        summary="Define a profile.",
        status_code=HTTPStatus.CREATED,
        responses={HTTPStatus.CREATED: Location, **problem_responses(403, 409)},
    )
    async def create_profile(
        caller: FromCaller, document: _NewDocument, response: Response
    ) -> ProfileBody:
        caller.check_operator()
        caller.check_writes()
        shown = await changes.create(caller, document)
        response.headers["Location"] = f"/v1/profiles/{shown.name}"
        return _body_of(shown)

    @routes.put(
        "/{name}",
        operation_id="replaceProfile",
        summary="Replace a profile of your own. It holds for the next delivery of its endpoints.",
        responses=dict(_WRITING),
    )
    async def replace_profile(caller: FromCaller, name: str, document: _Document) -> ProfileBody:
        caller.check_operator()
        caller.check_writes()
        return _body_of(await changes.replace(caller, name, document))

    @routes.delete(
        "/{name}",
        operation_id="deleteProfile",
        summary="Remove a profile of your own that no account and no endpoint has.",
        status_code=HTTPStatus.NO_CONTENT,
        responses=dict(_WRITING),
    )
    async def delete_profile(caller: FromCaller, name: str) -> None:
        caller.check_operator()
        caller.check_writes()
        await changes.remove(caller, name)


def _body_of(shown: ShownProfile) -> ProfileBody:
    return ProfileBody(
        name=shown.name,
        shipped=shown.times_ms is None,
        document=shown.document,
        created_at=time_text(shown.times_ms and shown.times_ms[0]),
        updated_at=time_text(shown.times_ms and shown.times_ms[1]),
    )
