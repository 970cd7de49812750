"""Relations of accounts with companies: their stars, and what an account keeps with them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema
from starlette.responses import Response

from pipeline.api.caller import FromCaller
from pipeline.api.endpoints import AccountId
from pipeline.api.listing import FromList
from pipeline.api.problem_responses import problem_responses
from pipeline.api.relation_changes import Place, Related, RelationChanges, RelationPorts
from pipeline.api.store_work import in_thread
from pipeline.domain.relation_document import (
    MAX_COMPANY_CHARS,
    MAX_DATA_BYTES,
    MAX_ENTRIES,
    MAX_KEY_CHARS,
    MAX_VALUE_BYTES,
    written_relation,
)

TAG: Final = "Relations"
KEY_PATTERN: Final = rf"^[A-Za-z0-9_.-]{{1,{MAX_KEY_CHARS}}}$"
_AT: Final = "/v1/accounts/{account}/relations"
_OF: Final = _AT + "/{company}"
_ENTRY: Final = _OF + "/data/{key}"
_BOUNDS: Final = (
    f"At most {MAX_ENTRIES} entries with one relation, of at most {MAX_VALUE_BYTES} bytes of JSON"
    f" each and {MAX_DATA_BYTES} altogether."
)

CompanyId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=MAX_COMPANY_CHARS,
        description="As in the subject of events that concern it, without a `/`.",
        examples=["4711"],
    ),
]
EntryKey = Annotated[str, Path(pattern=KEY_PATTERN, examples=["note"])]
Value = Annotated[JsonValue, WithJsonSchema({"description": "Any JSON."})]

_Document = dict[str, Any]


class Mark(BaseModel):
    """The star that a company is marked with, or null for none."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"star": "gold"}]}
    )

    star: str | None = Field(description="One of the profile's: `green`, `gold`, `black`.")


class Entry(BaseModel):
    """An entry of relational data."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"key": "note", "value": {"rating": 5}}]},
    )

    key: Annotated[str, WithJsonSchema({"type": "string", "pattern": KEY_PATTERN})]
    value: Value


class EntryValue(BaseModel):
    """The new value of an entry."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"value": {"rating": 4}}]}
    )

    value: Value


class RelationAnswer(BaseModel):
    """A relation, and what the account keeps with it."""

    model_config = ConfigDict(title="Relation")

    company: str = Field(examples=["4711"])
    star: str | None = Field(examples=["gold"])
    data: dict[str, JsonValue] = Field(examples=[{"note": {"rating": 5}}])


class RelationList(BaseModel):
    """A piece of an account's relations, in the order of the companies."""

    items: list[RelationAnswer]
    next: str | None = Field(description="The `cursor` of the next piece; null at the end.")


class _Relations:
    """What the handlers do: in a thread, then wait until Kafka has it."""

    def __init__(self, ports: RelationPorts) -> None:
        self.changes = RelationChanges(ports)
        self._outbox = ports.outbox

    async def settled(self, related: Related) -> _Document:
        await self._outbox.wait(related.sequence)
        return written_relation(related.relation)


def router(ports: RelationPorts) -> APIRouter:
    """The routes."""
    relations = _Relations(ports)
    routes = APIRouter(tags=[TAG])
    _add_relations(routes, relations)
    _add_entries(routes, relations)
    return routes


def _add_relations(routes: APIRouter, relations: _Relations) -> None:
    changes = relations.changes

    @routes.get(
        _AT,
        operation_id="getRelations",
        summary="The relations of an account, with their stars and data.",
        response_model=RelationList,
        responses=problem_responses(404),
    )
    async def get_relations(account: AccountId, caller: FromCaller, piece: FromList) -> _Document:
        part = await in_thread(changes.list, caller, account, piece)
        return {"items": [written_relation(each) for each in part.items], "next": part.next}

    @routes.put(
        _OF,
        operation_id="putRelation",
        summary="Mark a company with a star, or with none.",
        description=(
            "The relation is made where there is none. Events about the company reach the account"
            " while there is a star. An account may have so many relations with a star as its"
            " profile says (3,000); relations without one do not count."
        ),
        response_model=RelationAnswer,
        responses={
            201: {"description": "It is new.", "model": RelationAnswer},
            **problem_responses(403, 404),
        },
    )
    async def put_relation(
        account: AccountId, company: CompanyId, body: Mark, caller: FromCaller, response: Response
    ) -> _Document:
        caller.check_writes()
        place = Place(account, company)
        related = await in_thread(changes.put, caller, place, body.model_dump())
        response.status_code = 201 if related.is_new else 200
        return await relations.settled(related)

    @routes.delete(
        _OF,
        operation_id="deleteRelation",
        summary="Remove a relation, and the data that is kept with it.",
        status_code=204,
        response_class=Response,
        responses=problem_responses(403, 404),
    )
    async def delete_relation(account: AccountId, company: CompanyId, caller: FromCaller) -> None:
        caller.check_writes()
        await relations.settled(await in_thread(changes.remove, caller, Place(account, company)))


def _add_entries(routes: APIRouter, relations: _Relations) -> None:
    changes = relations.changes

    @routes.post(
        _OF + "/data",
        operation_id="addRelationData",
        summary="Keep something with a relation.",
        description=_BOUNDS,
        status_code=201,
        response_model=RelationAnswer,
        responses=problem_responses(403, 404, 409),
    )
    async def add_relation_data(
        account: AccountId, company: CompanyId, body: Entry, caller: FromCaller
    ) -> _Document:
        caller.check_writes()
        place = Place(account, company)
        added = await in_thread(changes.add_entry, caller, place, key=body.key, value=body.value)
        return await relations.settled(added)

    @routes.patch(
        _ENTRY,
        operation_id="updateRelationData",
        summary="Change what is kept under a key; the value is replaced, not merged.",
        description=_BOUNDS,
        response_model=RelationAnswer,
        responses=problem_responses(403, 404),
    )
    async def update_relation_data(
        account: AccountId, company: CompanyId, key: EntryKey, body: EntryValue, caller: FromCaller
    ) -> _Document:
        caller.check_writes()
        place = Place(account, company)
        updated = await in_thread(changes.update_entry, caller, place, key=key, value=body.value)
        return await relations.settled(updated)

    @routes.delete(
        _ENTRY,
        operation_id="removeRelationData",
        summary="Remove what is kept under a key.",
        status_code=204,
        response_class=Response,
        responses=problem_responses(403, 404),
    )
    async def remove_relation_data(
        account: AccountId, company: CompanyId, key: EntryKey, caller: FromCaller
    ) -> None:
        caller.check_writes()
        place = Place(account, company)
        await relations.settled(await in_thread(changes.remove_entry, caller, place, key=key))
