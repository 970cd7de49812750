"""Event types in requests and answers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.api.json_texts import json_value
from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.domain.event_rules import MAX_TYPE_CHARS
from pipeline.registry import EventType

TYPE_PATTERN: Final = f"^[A-Za-z0-9_.-]{{1,{MAX_TYPE_CHARS}}}$"
MAX_DESCRIPTION_CHARS: Final = 2_000

_DESCRIPTION: Final = "What has happened when such an event comes."
_SCHEMA: Final = "JSON Schema (2020-12) of its data; refers to nothing outside itself."
_SAMPLE: Final = "Data such as it has; fits the schema. Test events are made of it."
_TEXT: Final = r"^[^\x00]*$"
_GIVEN: Final[dict[str, Any]] = {
    "description": "A person was added.",
    "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    "sample": {"id": "p-1", "name": "Ada"},
}
_NEW: Final[dict[str, Any]] = {"type": "person.created", **_GIVEN}
_PATCH: Final[dict[str, Any]] = {"description": "A person was added or taken over."}


def _config(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [example]})


class GivenEventType(BaseModel):
    """An event type, but for its name."""

    model_config = _config(_GIVEN)

    description: str = Field(
        max_length=MAX_DESCRIPTION_CHARS, pattern=_TEXT, description=_DESCRIPTION
    )
    schema_: dict[str, JsonValue] | None = Field(default=None, alias="schema", description=_SCHEMA)
    sample: JsonValue = Field(description=_SAMPLE)


class NewEventType(GivenEventType):
    """An event type to be described."""

    model_config = _config(_NEW)

    type: str = Field(pattern=TYPE_PATTERN)


class EventTypePatch(BaseModel):
    """A merge patch (RFC 7396). A sample that contains null is replaced by PUT."""

    model_config = _config(_PATCH)

    description: str = Field(
        default="", max_length=MAX_DESCRIPTION_CHARS, pattern=_TEXT, description=_DESCRIPTION
    )
    schema_: dict[str, JsonValue] | None = Field(default=None, alias="schema", description=_SCHEMA)
    sample: JsonValue = Field(default=None, description=_SAMPLE)


class EventTypeBody(BaseModel):
    """An event type."""

    model_config = ConfigDict(title="EventType")

    type: str
    description: str
    schema_: dict[str, JsonValue] | None = Field(alias="schema", description=_SCHEMA)
    sample: JsonValue = Field(description=_SAMPLE)
    created_at: str = Field(json_schema_extra=TIME_SCHEMA)
    updated_at: str = Field(json_schema_extra=TIME_SCHEMA)


class EventTypeList(BaseModel):
    """A piece of the list."""

    items: list[EventTypeBody]
    next: str | None = Field(description="The `cursor` of the next piece.")


def body_of(found: EventType) -> EventTypeBody:
    schema = None if found.schema is None else json_value(found.schema)
    return EventTypeBody.model_validate(
        {
            "type": found.type,
            "description": found.description,
            "schema": schema,
            "sample": None if found.sample is None else json_value(found.sample),
            "created_at": time_text(found.created_at_ms),
            "updated_at": time_text(found.updated_at_ms),
        }
    )
