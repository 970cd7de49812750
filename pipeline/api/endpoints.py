"""Endpoints: created, listed, changed, removed, activated, deactivated, given new secrets."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.consent_asking import ConsentAsking
from pipeline.api.endpoint_access import seen_account, seen_endpoint
from pipeline.api.endpoint_changes import Changed, EndpointChanges
from pipeline.api.endpoint_models import (
    Activation,
    Deactivation,
    EndpointAnswer,
    EndpointInput,
    EndpointList,
    EndpointPatch,
    Rotation,
)
from pipeline.api.endpoint_ports import EndpointPorts
from pipeline.api.given import read_given
from pipeline.api.listing import FromList, Listed, Piece, listed
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import Problem, unavailable
from pipeline.api.store_work import in_thread
from pipeline.domain.action_document import read_reason, read_rotation, read_waiting
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.endpoint_written import answered_endpoint

TAG: Final = "Endpoints"
ID_PATTERN: Final = "^[A-Za-z0-9_-]{1,64}$"

AccountId = Annotated[str, Path(pattern=ID_PATTERN, examples=["acme"])]
_OfAccount = Annotated[str | None, Query(max_length=64, description="Of this account alone.")]
EndpointId = Annotated[str, Path(pattern=ID_PATTERN, examples=["shop-orders"])]

_Document = dict[str, Any]
_LOCATION: Final[_Document] = {"headers": {"Location": {"schema": {"type": "string"}}}}
_ANSWERED: Final[_Document] = {
    "response_model": EndpointAnswer,
    "response_model_exclude_unset": True,  # a secret is in no answer that does not show one
}


class _Endpoints:
    """What the handlers do beside the event loop."""

    def __init__(self, ports: EndpointPorts) -> None:
        self._ports = ports
        self.changes = EndpointChanges(ports)

    def read(self, caller: Caller, endpoint_id: str) -> _Document:
        with self._ports.registry.reading() as reader:
            endpoint = seen_endpoint(reader, caller, endpoint_id)
        return self.answer(endpoint)

    def list(self, caller: Caller, account_id: str, piece: Piece) -> _Document:
        with self._ports.registry.reading() as reader:
            seen_account(reader, caller, account_id)
            found = reader.endpoints(account=account_id, after=piece.after, limit=piece.wanted)
        part: Listed[Endpoint] = listed(found, piece, key=lambda endpoint: endpoint.id)
        return {"items": [self.answer(endpoint) for endpoint in part.items], "next": part.next}

    def list_all(self, caller: Caller, account: str | None, piece: Piece) -> _Document:
        if account is not None:
            caller.check_sees(account)
        owner = caller.account or account
        with self._ports.registry.reading() as reader:
            found = reader.endpoints(account=owner, after=piece.after, limit=piece.wanted)
        part: Listed[Endpoint] = listed(found, piece, key=lambda endpoint: endpoint.id)
        return {"items": [self.answer(endpoint) for endpoint in part.items], "next": part.next}

    def answer(self, endpoint: Endpoint) -> _Document:
        return answered_endpoint(endpoint, self.changes.opened(endpoint))

    def answer_with_secret(self, changed: Changed) -> _Document:
        answer = self.answer(changed.endpoint)
        return answer if changed.secret is None else {**answer, "secret": changed.secret}


def router(ports: EndpointPorts, consents: ConsentAsking) -> APIRouter:
    """The routes."""
    endpoints = _Endpoints(ports)
    routes = APIRouter(tags=[TAG])
    _add_collection(routes, endpoints, consents)
    _add_changes(routes, endpoints, consents)
    _add_actions(routes, endpoints, consents)
    return routes


def _add_collection(routes: APIRouter, endpoints: _Endpoints, consents: ConsentAsking) -> None:
    @routes.get(
        "/v1/accounts/{account}/endpoints",
        operation_id="listEndpoints",
        summary="The endpoints of an account.",
        response_model=EndpointList,
        response_model_exclude_unset=True,
        responses=problem_responses(404),
    )
    async def list_endpoints(account: AccountId, caller: FromCaller, piece: FromList) -> _Document:
        return await in_thread(endpoints.list, caller, account, piece)

    @routes.get(
        "/v1/endpoints",
        operation_id="listAllEndpoints",
        summary="The endpoints of all accounts that the key may see, in the order of their ids.",
        response_model=EndpointList,
        response_model_exclude_unset=True,
        responses=problem_responses(404),
    )
    async def list_all_endpoints(
        caller: FromCaller, piece: FromList, account: _OfAccount = None
    ) -> _Document:
        return await in_thread(endpoints.list_all, caller, account, piece)

    @routes.post(
        "/v1/accounts/{account}/endpoints",
        operation_id="createEndpoint",
        summary="Create an endpoint; the answer alone has its secret.",
        description=(
            "Within the plan of the account. Where the profile asks receivers for their consent,"
            " the endpoint is `pending` until it has been given."
        ),
        status_code=201,
        **_ANSWERED,
        responses={201: _LOCATION, **problem_responses(403, 404, 409)},
    )
    async def create_endpoint(
        account: AccountId, body: EndpointInput, caller: FromCaller, response: Response
    ) -> _Document:
        caller.check_writes()
        document = body.model_dump(exclude_unset=True)
        changed = await in_thread(endpoints.changes.create, caller, account, document)
        response.headers["Location"] = f"/v1/endpoints/{changed.endpoint.id}"
        try:
            settled = await consents.settled(changed)
        except Problem as exc:
            raise _kept(changed) from exc
        return endpoints.answer_with_secret(settled)

    @routes.get(
        "/v1/endpoints/{endpoint}",
        operation_id="readEndpoint",
        summary="One endpoint.",
        **_ANSWERED,
        responses=problem_responses(404),
    )
    async def read_endpoint(endpoint: EndpointId, caller: FromCaller) -> _Document:
        return await in_thread(endpoints.read, caller, endpoint)


def _add_changes(routes: APIRouter, endpoints: _Endpoints, consents: ConsentAsking) -> None:
    @routes.patch(
        "/v1/endpoints/{endpoint}",
        operation_id="updateEndpoint",
        summary="Change an endpoint with a merge patch (RFC 7396).",
        description=(
            "Another URL is asked for its receiver's consent where the profile wants that; until"
            " then the endpoint is `pending`. A new `secret` signs beside the present one for 24 h."
        ),
        **_ANSWERED,
        responses=problem_responses(403, 404, 409),
    )
    async def update_endpoint(
        endpoint: EndpointId, body: EndpointPatch, caller: FromCaller
    ) -> _Document:
        caller.check_writes()
        patch = body.model_dump(exclude_unset=True)
        changed = await in_thread(endpoints.changes.patch, caller, endpoint, patch)
        return endpoints.answer((await consents.settled(changed)).endpoint)

    @routes.delete(
        "/v1/endpoints/{endpoint}",
        operation_id="deleteEndpoint",
        summary="Remove an endpoint.",
        description=(
            "No new attempt starts later than 1 s after the answer; what still waits for it becomes"
            " dead letters. Its id is never used again."
        ),
        status_code=204,
        response_class=Response,
        responses=problem_responses(403, 404),
    )
    async def delete_endpoint(endpoint: EndpointId, caller: FromCaller) -> None:
        caller.check_writes()
        await consents.settled(await in_thread(endpoints.changes.remove, caller, endpoint))


def _add_actions(routes: APIRouter, endpoints: _Endpoints, consents: ConsentAsking) -> None:
    @routes.post(
        "/v1/endpoints/{endpoint}/activate",
        operation_id="activateEndpoint",
        summary="Send to an endpoint again.",
        description="What it did not get meanwhile is sent or dropped.",
        **_ANSWERED,
        responses=problem_responses(403, 404, 409),
    )
    async def activate_endpoint(
        endpoint: EndpointId, caller: FromCaller, body: Activation | None = None
    ) -> _Document:
        caller.check_writes()
        waiting = read_given(read_waiting, body)
        changed = await in_thread(endpoints.changes.activate, caller, endpoint, waiting)
        return endpoints.answer((await consents.settled(changed)).endpoint)

    @routes.post(
        "/v1/endpoints/{endpoint}/deactivate",
        operation_id="deactivateEndpoint",
        summary="Send nothing to an endpoint; what it should get waits for it.",
        **_ANSWERED,
        responses=problem_responses(403, 404, 409),
    )
    async def deactivate_endpoint(
        endpoint: EndpointId, caller: FromCaller, body: Deactivation | None = None
    ) -> _Document:
        caller.check_writes()
        reason = read_given(read_reason, body)
        changed = await in_thread(endpoints.changes.deactivate, caller, endpoint, reason)
        return endpoints.answer((await consents.settled(changed)).endpoint)

    @routes.post(
        "/v1/endpoints/{endpoint}/rotate-secret",
        operation_id="rotateEndpointSecret",
        summary="Give an endpoint another signing secret; the answer alone has it.",
        description=(
            "The present one signs beside it for `overlap` (24h), but where the profile signs with"
            " the newest secret alone."
        ),
        **_ANSWERED,
        responses=problem_responses(403, 404, 409),
    )
    async def rotate_endpoint_secret(
        endpoint: EndpointId, caller: FromCaller, body: Rotation | None = None
    ) -> _Document:
        caller.check_writes()
        secret, overlap_ms = read_given(read_rotation, body)
        changed = await in_thread(
            endpoints.changes.rotate, caller, endpoint, secret, overlap_ms=overlap_ms
        )
        return endpoints.answer_with_secret(await consents.settled(changed))


def _kept(changed: Changed) -> Problem:
    """503: it was not published in time, and its secret was not shown and never will be."""
    name = changed.endpoint.id
    rotate = f" Its secret is had by POST /v1/endpoints/{name}/rotate-secret."
    return unavailable(
        f"The endpoint {name} is stored, and takes effect as soon as Kafka has acknowledged it,"
        " which it has not done in time: do not create it again."
        f"{'' if changed.secret is None else rotate}"
    )
