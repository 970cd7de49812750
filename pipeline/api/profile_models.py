"""Profiles in answers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.api.times import TIME_SCHEMA

EXAMPLE: Final[dict[str, Any]] = {
    "name": "shop",
    "description": "The bare data, signed.",
    "formats": {"bare": {"template": "$.event.data"}},
    "retry": {"delays": ["5s", "5m", "1h"]},
}


class ProfileBody(BaseModel):
    """A profile."""

    model_config = ConfigDict(title="Profile")

    name: str
    shipped: bool = Field(description="Whether every pipeline has it; nobody changes those.")
    document: dict[str, JsonValue] = Field(
        description="What it fixes, as it was given.", examples=[EXAMPLE]
    )
    created_at: str | None = Field(json_schema_extra=TIME_SCHEMA)
    updated_at: str | None = Field(json_schema_extra=TIME_SCHEMA)


class ProfileList(BaseModel):
    """A piece of the list."""

    items: list[ProfileBody]
    next: str | None = Field(description="The `cursor` of the next piece.")
