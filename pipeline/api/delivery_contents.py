"""`/v1/deliveries/{id}/raw` and `download`: the body exactly as it was sent."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.deliveries import TAG, DeliveryId, SeenLog
from pipeline.api.problem_responses import problem_responses
from pipeline.api.sent_requests import SentRequests, content_headers
from pipeline.api.store_work import in_thread
from pipeline.domain.delivery import Delivery

_SENT: Final[dict[str, Any]] = {
    "description": "The body, with the content type that it was sent with.",
    "content": {"application/json": {"schema": {}}, "*/*": {"schema": {"type": "string"}}},
}


def router(log: SeenLog, sent: SentRequests) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=[TAG])
    responses = {200: _SENT, **problem_responses(404, 409, 410)}

    async def found(caller: Caller, delivery_id: str) -> Delivery:
        return await sent.of(await in_thread(log.delivery, caller, delivery_id))

    @routes.get(
        "/v1/deliveries/{delivery}/raw",
        operation_id="readDeliveryBody",
        summary="The body exactly as it was sent.",
        response_class=Response,
        responses=responses,
    )
    async def read_delivery_body(delivery: DeliveryId, caller: FromCaller) -> Response:
        tried = await found(caller, delivery)
        return Response(tried.body, headers=dict(content_headers(tried)))

    @routes.get(
        "/v1/deliveries/{delivery}/download",
        operation_id="downloadDeliveryBody",
        summary="The same, to be kept as a file.",
        response_class=Response,
        responses=responses,
    )
    async def download_delivery_body(delivery: DeliveryId, caller: FromCaller) -> Response:
        tried = await found(caller, delivery)
        suffix = ".json" if "json" in tried.content_type else ""
        named = f'attachment; filename="{tried.webhook_id}{suffix}"'
        headers = {**dict(content_headers(tried)), "Content-Disposition": named}
        return Response(tried.body, headers=headers)

    return routes
