"""The OpenAPI document: what the framework says of the routes, and what holds for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response
from starlette.routing import BaseRoute

from pipeline.api.problem_responses import PROBLEM_SCHEMAS, problem_response
from pipeline.api.route_table import VERSIONED
from pipeline.api.store_work import in_thread

TITLE: Final = "Webhook pipeline"
VERSION: Final = "1.0.0"
_DESCRIPTION: Final = """\
Accounts, their endpoints and what is sent to them.

Every request under `/v1` carries `Authorization: Bearer <key>`. Errors are problem details (RFC
9457). Unknown fields and parameters are refused. Lists come in pieces: give `next` back as
`cursor`. Times are RFC 3339 in UTC, durations text such as `5s`.
"""
_PATH: Final = "/openapi.json"
_METHODS: Final = frozenset(("get", "put", "post", "patch", "delete"))
_WITHOUT_KEY: Final = (400, 406, 500, 503)
_ALWAYS: Final = (*_WITHOUT_KEY, 401, 429)
_WITH_BODY: Final = (408, 413, 415, 422)
_INVALID: Final = "422"
_JSON: Final = "application/json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_FRAMEWORKS: Final = ("HTTPValidationError", "ValidationError")

_Object = dict[str, Any]


class Document(NamedTuple):
    """What the document is made of."""

    routes: Sequence[BaseRoute]
    """All that there are when it is asked for first."""
    public_url: str | None
    keyless: tuple[str, ...]
    """Beginnings of versioned paths that need no key."""


def openapi_router(document: Document) -> APIRouter:
    """`/openapi.json`, made at the first question: it takes long, which a start has not."""
    made: list[bytes] = []
    router = APIRouter()

    @router.get(_PATH, include_in_schema=False)
    async def read_openapi() -> Response:
        if not made:
            made.append(await in_thread(_text, document))
        return Response(made[0], media_type=_JSON)

    return router


def _text(document: Document) -> bytes:
    return json.dumps(openapi_document(document), ensure_ascii=False).encode()


def openapi_document(of: Document) -> dict[str, Any]:
    """OpenAPI 3.1."""
    document = get_openapi(
        title=TITLE,
        version=VERSION,
        description=_DESCRIPTION,
        routes=of.routes,
        servers=None if of.public_url is None else [{"url": of.public_url}],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _FRAMEWORKS:
        schemas.pop(name, None)
    schemas.update(PROBLEM_SCHEMAS)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operation in _operations(document):
        if not path.startswith(VERSIONED):
            continue
        needs_key = not path.startswith(of.keyless)
        if needs_key:
            operation["security"] = [{"key": []}]
        _declare_problems(operation, _ALWAYS if needs_key else _WITHOUT_KEY)
    return document


def _operations(document: _Object) -> Iterator[tuple[str, _Object]]:
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                if method == "patch":
                    _offer_merge_patch(operation)
                yield path, operation


def _offer_merge_patch(operation: _Object) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    if _JSON in content:
        content[_MERGE_PATCH] = content[_JSON]


def _declare_problems(operation: _Object, always: tuple[int, ...]) -> None:
    responses: _Object = operation["responses"]
    # The framework's own is of another form.
    if _INVALID in responses:
        responses[_INVALID] = problem_response(int(_INVALID))
    by_body = _WITH_BODY if "requestBody" in operation else (int(_INVALID),)
    for status in (*always, *by_body):
        responses.setdefault(str(status), problem_response(status))
    operation["responses"] = dict(sorted(responses.items()))
