"""How operations declare the problems that they can answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from pipeline.api.problems import MEDIA_TYPE, NO_TYPE, QUOTA

SCHEMA_REFERENCE: Final = "#/components/schemas/Problem"
_MEANING: Final = {
    400: "The body is no JSON.",
    401: "There is no key in the request, or it is none of ours, revoked or expired.",
    403: "The key may not do this, or a quota is used up (type `quota`).",
    404: "There is no such thing, or it is another account's.",
    406: "The request accepts no JSON.",
    408: "The request's body did not come in time.",
    409: "The id is taken, or what is asked for does not fit what there is.",
    410: "It was here, and is not any more.",
    413: "The request is larger than is taken.",
    415: "The body is of a type that is not taken here.",
    422: "Fields or parameters are missing, unknown or wrong; `errors` names them.",
    429: "Too many; try again after `Retry-After`.",
    500: "A fault of the service's own.",
    503: "The store or Kafka cannot be reached now; try again after `Retry-After`.",
}
_WITH_RETRY_AFTER: Final = frozenset((429, 503))


PROBLEM_SCHEMAS: Final[dict[str, Any]] = {
    "FieldError": {
        "type": "object",
        "required": ["pointer", "detail"],
        "properties": {
            "pointer": {
                "type": "string",
                "description": "Into the body (RFC 6901); of a parameter `#query/<name>`.",
            },
            "detail": {"type": "string"},
        },
    },
    "Problem": {
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string", "description": f"`{QUOTA}`, or `{NO_TYPE}`."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        },
        "examples": [
            {
                "type": NO_TYPE,
                "title": "Invalid request",
                "status": 422,
                "detail": "Mend the fields that errors names.",
                "errors": [{"pointer": "/name", "detail": "missing: give a value"}],
            }
        ],
    },
}
"""Components of the OpenAPI document."""


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of an operation. Those that every operation can answer are added to all."""
    return {status: problem_response(status) for status in statuses}


def problem_response(status: int) -> dict[str, Any]:
    """One of them, as OpenAPI has it."""
    response: dict[str, Any] = {
        "description": _MEANING.get(status, HTTPStatus(status).phrase),
        "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMA_REFERENCE}}},
    }
    if status in _WITH_RETRY_AFTER:
        response["headers"] = {
            "Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}}
        }
    return response
