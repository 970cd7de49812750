"""The HTTP API: all resources as one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from pipeline.api.authentication import Authentication
from pipeline.api.entry import Desk, Direct, Entry
from pipeline.api.openapi_document import Document, openapi_router
from pipeline.api.problem_answers import FAILURES
from pipeline.api.route_table import RouteTable
from pipeline.telemetry.tally import Tally


@dataclass(frozen=True, slots=True)
class Application:
    """What an application is made of."""

    authentication: Authentication
    tally: Tally
    routers: Sequence[APIRouter]
    """Each route with its whole path."""
    public_url: str | None = None
    """Where callers find it, for the OpenAPI document."""
    keyless: Sequence[str] = ()
    """Beginnings of paths below `/v1` that need no key."""
    direct: Direct = field(default_factory=dict[tuple[str, str], ASGIApp])
    """Operations of `routers` that are answered by these instead."""


def application(parts: Application) -> ASGIApp:
    """The whole API."""
    app = FastAPI(
        exception_handlers=dict(FAILURES),
        openapi_url=None,  # ours knows of the problems that every operation can answer
        docs_url=None,  # pages that load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,  # looked at before, with an answer of its own
    )
    for router in parts.routers:
        app.router.routes.extend(router.routes)
    keyless = tuple(parts.keyless)
    document = Document(app.router.routes, parts.public_url, keyless)
    app.router.routes.extend(openapi_router(document).routes)
    desk = Desk(parts.authentication, RouteTable(app.router.routes), parts.tally, keyless)
    direct = {operation: _failing_well(handler) for operation, handler in parts.direct.items()}
    return Entry(app, desk, direct=direct)


def _failing_well(handler: ASGIApp) -> ASGIApp:
    """Answers what it raises as the framework does."""
    handlers = {kind: answer for kind, answer in FAILURES.items() if kind is not Exception}
    unforeseen: Callable[..., object] = FAILURES[Exception]
    return ServerErrorMiddleware(
        ExceptionMiddleware(handler, handlers=handlers), handler=unforeseen
    )
