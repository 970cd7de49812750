"""What the OpenAPI document says of publishing events, whose requests no framework reads.

The numbers are the domain's own.
"""

from __future__ import annotations

from typing import Any, Final

from pipeline.domain.event_intake import MAX_EVENTS
from pipeline.domain.event_rules import (
    MAX_METADATA_ENTRIES,
    MAX_METADATA_NAME_CHARS,
    MAX_SUBJECT_CHARS,
    MAX_TYPE_CHARS,
)
from pipeline.domain.event_values import MAX_DATA_BYTES

_Object = dict[str, Any]

_JSON: Final = "application/json"
_NO_CONTROLS: Final = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_EXAMPLE: Final[_Object] = {
    "account": "acme",
    "type": "invoice.paid",
    "subject": "invoice/1042",
    "data": {"id": 1042, "total": "99.50"},
}
_EXAMPLE_ID: Final = "evt_01JQ8M3W7V6Z2K4T9B5X0C1DEF"

EVENT_SCHEMA: Final[_Object] = {
    "title": "Event",
    "type": "object",
    "additionalProperties": False,
    "required": ["account", "type", "data"],
    "properties": {
        "account": {
            "type": "string",
            "pattern": r"^([A-Za-z0-9_-]{1,64}|\*)$",
            "description": "An account's id; `*`: every account that has a relation with the"
            " event's subject.",
        },
        "type": {
            "type": "string",
            "pattern": rf"^[A-Za-z0-9_.-]{{1,{MAX_TYPE_CHARS}}}$",
        },
        "data": {
            "description": f"Any JSON, at most {MAX_DATA_BYTES} bytes. Where the type has a schema,"
            " what that says.",
        },
        "id": {
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": 256,
            "pattern": _NO_CONTROLS,
            "description": "Made where there is none. An id that is published twice is delivered at"
            " most once more, with the same `webhook-id`.",
        },
        "time": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When it happened; now where it is not given.",
        },
        "subject": {
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": MAX_SUBJECT_CHARS,
            "pattern": _NO_CONTROLS,
            "description": "What the event is about. Events of one subject keep their order.",
        },
        "metadata": {
            "type": ["object", "null"],
            "maxProperties": MAX_METADATA_ENTRIES,
            "propertyNames": {
                "minLength": 1,
                "maxLength": MAX_METADATA_NAME_CHARS,
                "pattern": _NO_CONTROLS,
            },
            "additionalProperties": {"type": "string"},
        },
    },
    "examples": [_EXAMPLE],
}
_BATCH_SCHEMA: Final[_Object] = {
    "title": "EventBatch",
    "type": "object",
    "additionalProperties": False,
    "required": ["events"],
    "properties": {
        "events": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_EVENTS,
            "items": EVENT_SCHEMA,
        }
    },
}
_IDEMPOTENCY_KEY: Final[_Object] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "description": "The answer is kept for 24 hours and given again to the same request; other"
    " content under the same key is a conflict.",
}


def single_request() -> _Object:
    """For `openapi_extra` of publishing one event."""
    return {"requestBody": _body(EVENT_SCHEMA, _EXAMPLE), "parameters": [_IDEMPOTENCY_KEY]}


def batch_request() -> _Object:
    """For `openapi_extra` of publishing several."""
    example = {"events": [_EXAMPLE, {**_EXAMPLE, "id": "invoice-1043-paid"}]}
    return {"requestBody": _body(_BATCH_SCHEMA, example), "parameters": [_IDEMPOTENCY_KEY]}


def dry_run_request() -> _Object:
    """For `openapi_extra` of a dry run."""
    return {"requestBody": _body(EVENT_SCHEMA, _EXAMPLE)}


def single_answer() -> _Object:
    """202 of one event."""
    return _accepted("Kafka has the event.", {"id": {"type": "string"}}, {"id": _EXAMPLE_ID})


def batch_answer() -> _Object:
    """202 of several."""
    ids = {"ids": {"type": "array", "items": {"type": "string"}}}
    example = {"ids": [_EXAMPLE_ID, "invoice-1043-paid"]}
    return _accepted("Kafka has all of the events; ids in their order.", ids, example)


def _body(schema: _Object, example: _Object) -> _Object:
    return {"required": True, "content": {_JSON: {"schema": schema, "example": example}}}


def _accepted(description: str, properties: _Object, example: _Object) -> _Object:
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {
        "description": description,
        "content": {_JSON: {"schema": schema, "example": example}},
    }
