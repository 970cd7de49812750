"""Problems and other failures as answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from pipeline.api.problems import (
    MEDIA_TYPE,
    FieldError,
    Problem,
    invalid,
    of_status,
    unavailable,
)
from pipeline.domain.document import below
from pipeline.ports import StoreFailed

log = logging.getLogger(__name__)

_Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]

_BODY: Final = "body"
_MALFORMED: Final = "json_invalid"


def answer_of(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as RFC 9457 writes it."""
    document: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
    }
    if problem.detail:
        document["detail"] = problem.detail
    if problem.errors:
        document["errors"] = problem.errors
    added = dict(headers or {})
    if problem.retry_after_seconds is not None:
        added["Retry-After"] = str(problem.retry_after_seconds)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        added["WWW-Authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode(document), problem.status, headers=added, media_type=MEDIA_TYPE
    )


async def _of_problem(_: Request, exc: Problem) -> Response:
    return answer_of(exc)


async def _of_http_exception(_: Request, exc: HTTPException) -> Response:
    # The framework raises its own for whatever goes wrong while it reads a body.
    if isinstance(exc.__cause__, Problem):
        return answer_of(exc.__cause__)
    return answer_of(of_status(HTTPStatus(exc.status_code), exc.detail), exc.headers)


async def _of_validation(_: Request, exc: RequestValidationError) -> Response:
    errors: Sequence[Mapping[str, Any]] = exc.errors()
    if any(error["type"] == _MALFORMED for error in errors):
        return answer_of(of_status(HTTPStatus.BAD_REQUEST, "The body is no JSON."))
    return answer_of(
        invalid(FieldError(_pointer(error["loc"]), str(error["msg"])) for error in errors)
    )


async def _of_store(request: Request, exc: StoreFailed) -> Response:
    log.warning("%s %s: %s", request.method, request.url.path, exc)
    return answer_of(unavailable("The store cannot be reached now."))


async def _of_anything(_: Request, __: Exception) -> Response:
    return answer_of(of_status(HTTPStatus.INTERNAL_SERVER_ERROR, "The fault is logged."))


# Whatever a handler raises becomes a problem. What nobody foresaw is logged by the server as well.
FAILURES: Final[Mapping[int | type[Exception], _Handler]] = {
    Problem: _of_problem,
    HTTPException: _of_http_exception,
    RequestValidationError: _of_validation,
    StoreFailed: _of_store,
    Exception: _of_anything,
}


def _pointer(place: Sequence[str | int]) -> str:
    kind, *steps = place
    if kind != _BODY:
        return f"#{kind}/{'/'.join(map(str, steps))}"
    pointer = ""
    for step in steps:
        pointer = below(pointer, step)
    return pointer
