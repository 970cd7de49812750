"""`/v1/audit`: who changed what, and how it was before and after."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.api.caller import Caller, FromCaller
from pipeline.api.listing import FromList, Listed, Piece, listed
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, invalid
from pipeline.api.store_work import in_thread
from pipeline.api.times import TIME_SCHEMA, time_text
from pipeline.domain.audit import AuditEntry
from pipeline.operating import AuditLog

_TAG: Final = "Audit"
_TIME: Final[dict[str, Any]] = dict(TIME_SCHEMA)
_LONGEST_SEQUENCE: Final = 18
"""Digits; what is longer is no place of ours."""

_Account = Annotated[
    str | None, Query(max_length=64, description="Changes of what is this account's alone.")
]


class AuditEntryBody(BaseModel):
    """One change. What is secret is `***`."""

    model_config = ConfigDict(title="AuditEntry")

    id: int
    at: str = Field(json_schema_extra=_TIME)
    who: str = Field(description="The id of a key, an operator's name, or a link's account.")
    via: str = Field(description="api, console or command.")
    action: str = Field(description="created, changed or removed.")
    kind: str = Field(
        description="account, endpoint, relation, key, profile, event_type or operator."
    )
    subject: str = Field(description="The id of what was changed.")
    account: str | None
    before: dict[str, JsonValue] | None = Field(description="Null where it was not there.")
    after: dict[str, JsonValue] | None = Field(description="Null where it is gone.")


class AuditList(BaseModel):
    """A piece of the list."""

    items: list[AuditEntryBody]
    next: str | None = Field(description="The `cursor` of the next piece.")


def router(log: AuditLog) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=[_TAG])

    @routes.get(
        "/v1/audit",
        operation_id="listAudit",
        summary="Who changed what, the newest first.",
        description="An account's key is told of what is that account's.",
        responses=problem_responses(404),
    )
    async def list_audit(
        caller: FromCaller, piece: FromList, account: _Account = None
    ) -> AuditList:
        if account is not None:
            caller.check_sees(account)
        part = await in_thread(_page, log, caller, account, piece=piece)
        return AuditList(items=[_body_of(entry) for entry in part.items], next=part.next)

    return routes


def _page(
    log: AuditLog, caller: Caller, account: str | None, *, piece: Piece
) -> Listed[AuditEntry]:
    found = log.entries(
        account=caller.account or account, before=_before(piece), limit=piece.wanted
    )
    return listed(found, piece, key=lambda entry: str(entry.sequence))


def _before(piece: Piece) -> int | None:
    if not piece.after:
        return None
    text = piece.after
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_SEQUENCE):
        raise invalid([FieldError("#query/cursor", "is none: give the `next` of an answer back")])
    return int(text)


def _body_of(entry: AuditEntry) -> AuditEntryBody:
    return AuditEntryBody(
        id=entry.sequence,
        at=time_text(entry.at_ms) or "",
        who=entry.who,
        via=entry.via,
        action=entry.verb,
        kind=entry.kind,
        subject=entry.subject,
        account=entry.account,
        before=_members(entry.before),
        after=_members(entry.after),
    )


def _members(text: str | None) -> dict[str, JsonValue] | None:
    return None if text is None else cast("dict[str, JsonValue]", msgspec.json.decode(text))
