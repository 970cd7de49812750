"""Keys in requests and answers."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.registry import ApiKey

MAX_NAME_CHARS: Final = 200
_NAME: Final[dict[str, Any]] = {"examples": ["billing service"]}
_NEW: Final[dict[str, Any]] = {"name": "acme's own", "account": "acme", "access": "full"}


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_NEW]})

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME_CHARS,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="For people, to tell it from others.",
        json_schema_extra=_NAME,
    )
    account: str | None = Field(
        default=None, description="Whose things it may see; null: an operator's key, for all."
    )
    access: Literal["full", "read"] = Field(
        default="full", description="Whether it may change things, or only read."
    )
    expires_at: str | None = Field(default=None, json_schema_extra=TIME_SCHEMA)


class KeyBody(BaseModel):
    """A key, without its text."""

    model_config = ConfigDict(title="Key")

    id: str = Field(examples=["key_01JNB9Q4J7Z4X9V1T0Q6W8R2EA"])
    name: str
    account: str | None
    access: Literal["full", "read"]
    created_at: str = Field(json_schema_extra=TIME_SCHEMA)
    expires_at: str | None = Field(json_schema_extra=TIME_SCHEMA)
    last_used_at: str | None = Field(
        description="Written every 10 s.", json_schema_extra=TIME_SCHEMA
    )
    revoked_at: str | None = Field(json_schema_extra=TIME_SCHEMA)


class MadeKey(KeyBody):
    """A key with its text, which is shown here alone."""

    model_config = ConfigDict(title="MadeKey")

    key: str = Field(description="To be sent as `Authorization: Bearer <key>`.", repr=False)


class KeyList(BaseModel):
    """A piece of the list."""

    items: list[KeyBody]
    next: str | None = Field(description="The `cursor` of the next piece.")


def body_of(key: ApiKey) -> KeyBody:
    return KeyBody(
        id=key.id,
        name=key.name,
        account=key.account,
        access=key.access.value,
        created_at=time_text(key.created_at_ms) or "",
        expires_at=time_text(key.expires_at_ms),
        last_used_at=time_text(key.last_used_at_ms),
        revoked_at=time_text(key.revoked_at_ms),
    )
