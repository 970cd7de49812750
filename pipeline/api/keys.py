"""`/v1/keys`: made, listed and revoked by operators. A key's text is shown once, never again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from pipeline.api.accounts import Location
from pipeline.api.caller import Caller, FromCaller
from pipeline.api.key_models import KeyBody, KeyList, MadeKey, NewKey, body_of
from pipeline.api.key_texts import SECRET_BYTES, hash_of, key_text
from pipeline.api.listing import FromList, Listed, Piece, listed
from pipeline.api.problem_responses import problem_responses
from pipeline.api.problems import FieldError, invalid, not_found
from pipeline.api.store_work import in_thread
from pipeline.api.times import read_time_ms
from pipeline.domain.identifiers import new_id
from pipeline.registry import Access, ApiKey, Registry, RegistryWriter

_ENTROPY_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class KeyPorts:
    """What keys are made and kept with."""

    registry: Registry
    forget_key: Callable[[str], None]
    """A key was revoked. On the event loop."""
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


def router(ports: KeyPorts) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/keys", tags=["Keys"])
    keys = _Keys(ports)
    _add_reads(routes, keys)
    _add_writes(routes, keys)
    return routes


def _add_reads(routes: APIRouter, keys: _Keys) -> None:
    @routes.get(
        "",
        operation_id="listKeys",
        summary="All keys, or those of one account, revoked ones too.",
        responses=problem_responses(403),
    )
    async def list_keys(caller: FromCaller, piece: FromList, account: str | None = None) -> KeyList:
        caller.check_operator()
        part = await in_thread(keys.page, piece, account)
        return KeyList(items=[body_of(key) for key in part.items], next=part.next)

    @routes.get(
        "/{key}",
        operation_id="readKey",
        summary="One key, without its text.",
        responses=problem_responses(403, 404),
    )
    async def read_key(caller: FromCaller, key: str) -> KeyBody:
        caller.check_operator()
        return body_of(await in_thread(keys.found, key))


def _add_writes(routes: APIRouter, keys: _Keys) -> None:
    @routes.post(
        "",
        operation_id="createKey",
        summary="Make a key; its text is in this answer alone.",
        status_code=HTTPStatus.CREATED,
        responses={HTTPStatus.CREATED: Location, **problem_responses(403)},
    )
    async def create_key(caller: FromCaller, given: NewKey, response: Response) -> MadeKey:
        caller.check_operator()
        caller.check_writes()
        key, text = await in_thread(keys.make, caller, given)
        response.headers["Location"] = f"/v1/keys/{key.id}"
        return MadeKey(**body_of(key).model_dump(), key=text)

    @routes.delete(
        "/{key}",
        operation_id="deleteKey",
        summary="Revoke a key: it holds at once here, and within 2 s in other processes.",
        status_code=HTTPStatus.NO_CONTENT,
        responses=problem_responses(403, 404),
    )
    async def delete_key(caller: FromCaller, key: str) -> None:
        caller.check_operator()
        caller.check_writes()
        await in_thread(keys.revoke, caller, key)
        keys.forget(key)


class _Keys:
    """Work with the store: blocking, but for `forget`."""

    def __init__(self, ports: KeyPorts) -> None:
        self._ports = ports
        self.forget = ports.forget_key

    def page(self, piece: Piece, account: str | None) -> Listed[ApiKey]:
        with self._ports.registry.reading() as reader:
            found = reader.keys(account=account, after=piece.after, limit=piece.wanted)
        return listed(found, piece, key=lambda key: key.id)

    def found(self, key_id: str) -> ApiKey:
        with self._ports.registry.reading() as reader:
            return _known(reader.key(key_id))

    def make(self, caller: Caller, given: NewKey) -> tuple[ApiKey, str]:
        """The key, and its text."""
        ports = self._ports
        now_ms = ports.now_ms()
        expires_at_ms = read_time_ms(given.expires_at, pointer="/expires_at")
        if expires_at_ms is not None and expires_at_ms <= now_ms:
            raise invalid([FieldError("/expires_at", "is over: give a later time")])
        key_id = new_id("key", now_ms=now_ms, entropy=ports.random_bytes(_ENTROPY_BYTES))
        text = key_text(key_id, ports.random_bytes(SECRET_BYTES))
        key = ApiKey(
            id=key_id,
            hash=hash_of(text),
            account=given.account,
            access=Access(given.access),
            name=given.name,
            created_at_ms=now_ms,
            expires_at_ms=expires_at_ms,
        )
        with ports.registry.writing(caller.author) as writer:
            if key.account is not None:
                _check_account(writer, key.account)
            writer.put_key(key)
        return key, text

    def revoke(self, caller: Caller, key_id: str) -> None:
        with self._ports.registry.writing(caller.author) as writer:
            key = _known(writer.key(key_id))
            if key.revoked_at_ms is None:
                writer.put_key(replace(key, revoked_at_ms=self._ports.now_ms()))


def _known(key: ApiKey | None) -> ApiKey:
    if key is None:
        raise not_found("There is no such key.")
    return key


def _check_account(writer: RegistryWriter, account_id: str) -> None:
    """Nobody removes it, and with it its keys, before this key is there."""
    account = writer.lock_account(account_id)
    if account is None or account.removed:
        raise invalid([FieldError("/account", "there is no such account: make it first")])
