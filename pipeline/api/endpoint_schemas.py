"""JSON Schemas of the parts of an endpoint that the domain reads: for the OpenAPI document alone.

What they say of numbers comes from the domain; what they cannot say, its readers check.
"""

from __future__ import annotations

from typing import Any, Final

from pipeline.domain.auth_document import MAX_PASSWORD_CHARS, MAX_PEM_CHARS
from pipeline.domain.header_names import MAX_VALUE_CHARS
from pipeline.domain.limits_document import MAX_RATE_REQUESTS
from pipeline.domain.request_document import MAX_HEADERS
from pipeline.domain.retry_schedule import MAX_ATTEMPTS, MAX_FACTOR, MAX_JITTER
from pipeline.domain.type_patterns import MAX_PATTERNS

Schema = dict[str, Any]

DURATION: Final[Schema] = {
    "type": "string",
    "pattern": "^[0-9]{1,15}(ms|s|m|h|d)$",
    "examples": ["5s"],
}
_HEADER_VALUE: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_CHARS}
_PEM: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_PEM_CHARS}
_PASSWORD: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_PASSWORD_CHARS}
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}

_AUTH_MEMBERS: Final[dict[str, Schema]] = {
    "token": {"token": _HEADER_VALUE},
    "header": {"name": _TEXT, "value": _HEADER_VALUE},
    "bearer": {"token": _HEADER_VALUE},
    "basic": {"username": _PASSWORD, "password": _PASSWORD},
    "oauth2": {
        "token_url": _TEXT,
        "client_id": _PASSWORD,
        "client_secret": _PASSWORD,
        "scope": _PASSWORD,
    },
    "mtls": {"certificate": _PEM, "private_key": _PEM},
}
_OPTIONAL: Final = frozenset(("scope",))


def _object(properties: Schema, required: list[str], **more: object) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **more,
    }


def _auth_form(kind: str) -> Schema:
    members = {"type": {"const": kind}, **_AUTH_MEMBERS[kind]}
    return _object(members, [name for name in members if name not in _OPTIONAL], title=kind)


AUTH: Final[Schema] = {
    "description": (
        "How requests say who they come from. `token`: in the header that the profile names."
        " `oauth2`: client credentials. `mtls`: a client certificate and its key, in PEM."
        " In answers a secret is `***`; sent back, that means the present one."
    ),
    "oneOf": [_auth_form(kind) for kind in _AUTH_MEMBERS],
    "examples": [{"type": "header", "name": "Ocp-Apim-Subscription-Key", "value": "k-1"}],
}
BODY: Final[Schema] = {
    "description": (
        "One of the profile's formats, or a template of its own: JSON whose texts such as"
        " `$.event.data.customer.id` are replaced by values."
    ),
    "oneOf": [
        _object({"format": _TEXT}, ["format"]),
        _object({"template": {"description": "Any JSON but null."}}, ["template"]),
    ],
    "examples": [{"format": "flat"}, {"template": {"what": "$.event.type"}}],
}
RETRY: Final[Schema] = {
    "description": "n delays make n + 1 attempts; `attempts` counts the first one.",
    "oneOf": [
        _object(
            {
                "delays": {"type": "array", "items": DURATION, "maxItems": MAX_ATTEMPTS - 1},
                "jitter": {"type": "number", "minimum": 0, "maximum": MAX_JITTER},
            },
            ["delays"],
        ),
        _object(
            {
                "first": DURATION,
                "factor": {"type": "number", "minimum": 1, "maximum": MAX_FACTOR},
                "cap": DURATION,
                "attempts": {"type": "integer", "minimum": 1, "maximum": MAX_ATTEMPTS},
                "jitter": {"type": "number", "minimum": 0, "maximum": MAX_JITTER},
            },
            ["first", "cap", "attempts"],
        ),
    ],
    "examples": [{"delays": ["5s", "1m", "1h"], "jitter": 0.1}],
}
RATE_LIMIT: Final[Schema] = _object(
    {
        "requests": {"type": "integer", "minimum": 1, "maximum": MAX_RATE_REQUESTS},
        "per": DURATION,
    },
    ["requests"],
    description="At most so many requests in any such time; `per` is 1s where it is left out.",
    examples=[{"requests": 50, "per": "1s"}],
)
FILTER: Final[Schema] = {
    "type": "object",
    "description": (
        "On `type`, `subject`, `time`, `data.*` and `metadata.*`, with `$eq`, `$neq`, `$gt`,"
        " `$gte`, `$lt`, `$lte`, `$in`, `$nin`, `$exists`, `$startsWith`, `$endsWith`, `$and`,"
        " `$or` and `$not`. Events that it does not admit are not sent."
    ),
    "examples": [{"data.amount": {"$gte": 100}, "metadata.project": "north"}],
}
EVENT_TYPES: Final[Schema] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "maxItems": MAX_PATTERNS,
    "description": "Types and patterns, `*` for one or more segments; none means every type.",
    "examples": [["person.*", "*.created"]],
}
HEADERS: Final[Schema] = {
    "type": "object",
    "additionalProperties": _HEADER_VALUE,
    "maxProperties": MAX_HEADERS,
    "description": "Sent with every request, beside those that the pipeline sets.",
    "examples": [{"X-Environment": "production"}],
}


def or_null(schema: Schema, **more: object) -> Schema:
    """The same, or null."""
    told = {name: schema[name] for name in ("description", "examples") if name in schema}
    inner = {name: value for name, value in schema.items() if name not in told}
    return {"anyOf": [inner, {"type": "null"}], **told, **more}


def loosened(schema: Schema) -> Schema:
    """An object of which a merge patch may give any part, and null to remove one."""
    told = {name: schema[name] for name in ("description", "examples") if name in schema}
    return {"type": ["object", "null"], **told}
