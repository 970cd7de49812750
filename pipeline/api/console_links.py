"""`POST /v1/accounts/{account}/console-link`: a link to one account's part of the console.

The link carries what it is for, sealed with the key that the store's secrets are sealed with, so
that nothing is kept of it: whoever has it may use it until it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, Protocol

import msgspec
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from pipeline.api.action_notes import ActionNotes
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.endpoint_access import seen_account
from pipeline.api.endpoint_schemas import DURATION, or_null
from pipeline.api.endpoints import AccountId
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, invalid
from pipeline.api.store_work import in_thread
from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.domain.durations import InvalidDuration, parse_duration
from pipeline.registry import Access, Registry

LINK_PATH: Final = "/portal/link/"
"""Where a link leads; its text follows."""
MAX_LINK_CHARS: Final = 1024
_DEFAULT_MS: Final = 3_600_000
_LEAST_MS: Final = 60_000
_MOST_MS: Final = 86_400_000
_TIME: Final[dict[str, Any]] = dict(TIME_SCHEMA)


class LinkSeals(Protocol):
    """Makes texts that nobody else can make or read."""

    def issue(self, content: bytes) -> str: ...

    def content(self, token: str) -> bytes | None:
        """None: it is none of ours."""
        ...


class ConsoleLink(NamedTuple):
    """What a link is for."""

    account: str
    access: Access
    expires_at_ms: int

    @property
    def caller(self) -> Caller:
        """Who comes by it."""
        return Caller(f"link:{self.account}", self.account, self.access, "console")


@dataclass(frozen=True, slots=True)
class ConsoleLinks:
    """Makes and reads links."""

    seals: LinkSeals
    now_ms: Callable[[], int]

    def text_of(self, link: ConsoleLink) -> str:
        """What its URL ends with."""
        return self.seals.issue(msgspec.json.encode(list(link)))

    def link_in(self, text: str) -> ConsoleLink | None:
        """None where it is none, or over."""
        content = self.seals.content(text) if len(text) <= MAX_LINK_CHARS else None
        if content is None:
            return None
        account, access, expires_at_ms = msgspec.json.decode(content, type=tuple[str, str, int])
        if expires_at_ms <= self.now_ms():
            return None
        return ConsoleLink(account, Access(access), expires_at_ms)


class NewConsoleLink(BaseModel):
    """What the link is for."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"access": "read", "expires_in": "1h"}]},
    )

    access: str = Field(description="`read` or `full`.", pattern="^(read|full)$")
    expires_in: Annotated[
        str | None,
        WithJsonSchema(or_null(DURATION, description="1m-24h; 1h where it is left out.")),
    ] = None


class ConsoleLinkBody(BaseModel):
    """The link. Whoever has it sees the account's things until it ends."""

    model_config = ConfigDict(title="ConsoleLink")

    url: str = Field(repr=False)
    expires_at: str = Field(json_schema_extra=_TIME)


@dataclass(frozen=True, slots=True)
class ConsoleLinkPorts:
    """What links are made with."""

    registry: Registry
    links: ConsoleLinks
    public_url: str | None


def router(ports: ConsoleLinkPorts) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["Accounts"])

    @routes.post(
        "/v1/accounts/{account}/console-link",
        operation_id="createConsoleLink",
        summary="A link to the console, for the people of one account.",
        description=(
            "To be opened by itself, or within a page of yours that"
            " `PIPELINE_CONSOLE__FRAME_ANCESTORS` names."
        ),
        status_code=201,
        responses=problem_responses(403, 404),
    )
    async def create_console_link(
        account: AccountId, given: NewConsoleLink, caller: FromCaller, request: Request
    ) -> ConsoleLinkBody:
        caller.check_operator()
        caller.check_writes()
        await in_thread(_check_account, ports, caller, account)
        expires_at_ms = ports.links.now_ms() + _lasting_ms(given.expires_in)
        text = ports.links.text_of(ConsoleLink(account, Access(given.access), expires_at_ms))
        asked = {"access": given.access, "expires_at_ms": expires_at_ms}
        await ActionNotes(ports.registry).note(
            caller, "console_link", subject=account, account=account, asked=asked
        )
        base = (ports.public_url or str(request.base_url)).rstrip("/")
        return ConsoleLinkBody(
            url=f"{base}{LINK_PATH}{text}", expires_at=time_text(expires_at_ms) or ""
        )

    return routes


def _check_account(ports: ConsoleLinkPorts, caller: Caller, account: str) -> None:
    with ports.registry.reading() as reader:
        seen_account(reader, caller, account)


def _lasting_ms(text: str | None) -> int:
    """Raises Problem (422)."""
    if text is None:
        return _DEFAULT_MS
    try:
        lasting_ms = parse_duration(text)
    except InvalidDuration as exc:
        raise invalid([FieldError("/expires_in", str(exc))]) from exc
    if not _LEAST_MS <= lasting_ms <= _MOST_MS:
        raise invalid([FieldError("/expires_in", "has to be 1m-24h")])
    return lasting_ms
