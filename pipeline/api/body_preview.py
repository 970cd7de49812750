"""What an endpoint would be sent of a sample event: of one that is there, or of one to be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import seen_account, seen_endpoint
from pipeline.api.endpoint_models import Body, SampleRequest
from pipeline.api.endpoints import AccountId, EndpointId
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, conflict, invalid
from pipeline.api.sample_making import SampleMaking
from pipeline.api.store_work import in_thread
from pipeline.api.table_reach import FollowedTables
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import BodyChoice, Endpoint
from pipeline.domain.request_document import read_body

_TO_BE_MADE: Final = "to-be-made"
"""The id in the body of an endpoint that has none yet."""


class DraftPreview(SampleRequest):
    """The body of an endpoint that is to be made, or changed."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"type": "order.created"}]}
    )

    profile: str | None = Field(
        default=None, description="The account's where it is left out.", max_length=64
    )
    body: Body = None


class BodyPreview(BaseModel):
    """What would be sent, but for the signature and what an endpoint's own settings add."""

    model_config = ConfigDict(title="BodyPreview")

    event_type: str
    content_type: str
    headers: dict[str, str] = Field(description="Those that depend on the event.")
    body: str


@dataclass(frozen=True, slots=True)
class PreviewPorts:
    """What a preview is made with."""

    making: SampleMaking
    tables: FollowedTables


def add_previews(routes: APIRouter, ports: PreviewPorts) -> None:
    """Add the routes. Nothing is sent, so who may read may look."""

    @routes.post(
        "/v1/endpoints/{endpoint}/preview",
        operation_id="previewEndpoint",
        summary="See the body that an endpoint would be sent of a sample event.",
        description="Whatever types and filter it asked for. Nothing is sent.",
        responses=problem_responses(404, 409),
    )
    async def preview_endpoint(
        endpoint: EndpointId, caller: FromCaller, body: SampleRequest | None = None
    ) -> BodyPreview:
        return await in_thread(_of_endpoint, ports, caller, endpoint, given=body or SampleRequest())

    @routes.post(
        "/v1/accounts/{account}/preview",
        operation_id="previewBody",
        summary="See the body that an endpoint to be made would be sent of a sample event.",
        description="Nothing is made, and nothing is sent.",
        responses=problem_responses(404, 409),
    )
    async def preview_body(
        account: AccountId, caller: FromCaller, body: DraftPreview | None = None
    ) -> BodyPreview:
        return await in_thread(_of_draft, ports, caller, account, given=body or DraftPreview())


def _of_endpoint(
    ports: PreviewPorts, caller: Caller, endpoint_id: str, *, given: SampleRequest
) -> BodyPreview:
    with ports.making.registry.reading() as reader:
        endpoint = seen_endpoint(reader, caller, endpoint_id)
    return _preview(ports, endpoint, given)


def _of_draft(
    ports: PreviewPorts, caller: Caller, account_id: str, *, given: DraftPreview
) -> BodyPreview:
    with ports.making.registry.reading() as reader:
        account = seen_account(reader, caller, account_id)
    draft = Endpoint(
        _TO_BE_MADE,
        account=account.id,
        profile=given.profile or account.profile,
        topic="",
        body=_choice(given.body),
    )
    if given.profile is not None and ports.tables.profiles.get(given.profile) is None:
        raise invalid([FieldError("/profile", "there is no such profile: see /v1/profiles")])
    return _preview(ports, draft, given)


def _choice(body: dict[str, JsonValue] | None) -> BodyChoice:
    """Raises Problem (422)."""
    try:
        return BodyChoice() if body is None else read_body(body, "/body")
    except DocumentError as exc:
        raise invalid([FieldError(exc.pointer, exc.text)]) from exc


def _preview(ports: PreviewPorts, endpoint: Endpoint, given: SampleRequest) -> BodyPreview:
    profile = ports.tables.profiles.get(endpoint.profile)
    if profile is None:
        raise conflict(f"The profile {endpoint.profile} is not there any more.")
    made = ports.making.delivery(endpoint, profile, given)
    return BodyPreview(
        event_type=made.event_type,
        content_type=made.content_type,
        headers=dict(made.headers),
        body=made.body.decode("utf-8", "replace"),
    )
