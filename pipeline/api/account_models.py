"""Accounts in requests and answers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.account_document import (
    DEFAULT_PROFILE,
    EMAIL_PATTERN,
    MAX_EMAIL_CHARS,
    MAX_NAME_CHARS,
)
from pipeline.domain.endpoint import Account

_ID: Final[dict[str, Any]] = {"pattern": "^[A-Za-z0-9_-]{1,64}$"}
_NAME: Final[dict[str, Any]] = {"maxLength": MAX_NAME_CHARS}
_EMAIL: Final[dict[str, Any]] = {"maxLength": MAX_EMAIL_CHARS, "pattern": f"^{EMAIL_PATTERN}$"}
_NEW: Final[dict[str, Any]] = {
    "id": "acme",
    "name": "Acme Inc.",
    "profile": "calenso",
    "plan": "business",
    "owner_email": "ops@acme.example",
}
_EXAMPLE: Final[dict[str, Any]] = {**_NEW, "webhooks_enabled": False}


class NewAccount(BaseModel):
    """An account to be made. What is null has its default."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_NEW]})

    id: str = Field(description="Chosen by you, and never used twice.", json_schema_extra=_ID)
    name: str | None = Field(default=None, json_schema_extra=_NAME)
    profile: str | None = Field(default=None, description=f"By default {DEFAULT_PROFILE}.")
    plan: str | None = Field(
        default=None, description="One of the profile's plans; without one there is no limit."
    )
    webhooks_enabled: bool | None = Field(
        default=None, description="While it is false nothing is sent. The profile has the default."
    )
    owner_email: str | None = Field(default=None, json_schema_extra=_EMAIL)


class AccountPatch(BaseModel):
    """A merge patch (RFC 7396): what is null gets its default back."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"webhooks_enabled": True, "plan": None}]},
    )

    name: str | None = Field(default=None, json_schema_extra=_NAME)
    profile: str | None = None
    plan: str | None = None
    webhooks_enabled: bool | None = None
    owner_email: str | None = Field(default=None, json_schema_extra=_EMAIL)


class AccountBody(BaseModel):
    """An account."""

    model_config = ConfigDict(title="Account", json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    name: str
    profile: str
    plan: str | None
    webhooks_enabled: bool
    owner_email: str | None


class AccountList(BaseModel):
    """A piece of the list."""

    items: list[AccountBody]
    next: str | None = Field(description="The `cursor` of the next piece.")


def body_of(account: Account) -> AccountBody:
    return AccountBody(
        id=account.id,
        name=account.name,
        profile=account.profile,
        plan=account.plan,
        webhooks_enabled=account.webhooks_enabled,
        owner_email=account.owner_email,
    )
