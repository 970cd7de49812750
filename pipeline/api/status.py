"""How the service stands: `/healthz`, `/readyz`, `/metrics`. No key is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from pipeline.api.store_work import in_thread

_TAG: Final = "Status"
_UNWELL: Final[dict[int | str, dict[str, Any]]] = {
    503: {
        "description": "Not now.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "In Prometheus's form.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


class Standing(NamedTuple):
    """An answer to `/readyz`."""

    status: int
    body: bytes
    """JSON."""


@dataclass(frozen=True, slots=True)
class StatusPorts:
    """Who is asked."""

    standing: Callable[[], Awaitable[Standing]]
    """Whether all that belongs together works; does not raise."""


def router(ports: StatusPorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=[_TAG])

    @routes.get("/healthz", operation_id="readHealth", summary="Whether this process answers.")
    async def read_health() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get(
        "/readyz",
        operation_id="readReadiness",
        summary="Whether all that belongs together works.",
        response_model=dict[str, Any],
        responses=_UNWELL,
    )
    async def read_readiness() -> Response:
        standing = await ports.standing()
        return Response(standing.body, standing.status, media_type="application/json")

    @routes.get(
        "/metrics",
        operation_id="readMetrics",
        summary="This process's metrics.",
        response_class=Response,
        responses=_TEXT,
    )
    async def read_metrics() -> Response:
        return Response(await in_thread(generate_latest), media_type=CONTENT_TYPE_LATEST)

    return routes
