"""Operators' sessions: begun by a key or a password, kept in the store, over after a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from pipeline.api.authentication import Authentication, unauthorized
from pipeline.api.caller import Caller
from pipeline.api.console.passwords import MOST_CHARS, is_password
from pipeline.api.console.visitor import OPERATORS_ROOT, Visitor, csrf_of
from pipeline.api.failed_attempts import FailedAttempts
from pipeline.api.problems import Problem, forbidden
from pipeline.api.store_work import in_thread
from pipeline.operating import OperatorStore, Session
from pipeline.registry import Access

_KEY: Final = "key:"
"""What the operator's name of a session begins with that a key has begun; no name has a colon."""
_SEEN_EVERY_MS: Final = 60_000
"""A session is written at most so often for being used."""
_TOKEN_CHARS: Final = 64
_VERIFYING_AT_ONCE: Final = 2
"""Each takes 64 MiB."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long sessions last."""

    lasting_ms: int
    idle_ms: int


@dataclass(frozen=True, slots=True)
class SessionPorts:
    """What sessions are begun and looked up with."""

    store: OperatorStore
    authentication: Authentication
    rules: SessionRules
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


class Sessions:
    """Event loop only."""

    def __init__(self, ports: SessionPorts) -> None:
        self._ports = ports
        self._failed = FailedAttempts()
        self._verifying = asyncio.Semaphore(_VERIFYING_AT_ONCE)

    async def begin_with_key(self, key: str, *, address: str) -> str:
        """A new session's token. Raises Problem: 401, 403, 429, 503."""
        caller = await self._ports.authentication.caller(f"Bearer {key}", address=address)
        if not caller.is_operator:
            raise forbidden("This is an account's key: ask your operator for a console link.")
        return await self._begin(f"{_KEY}{caller.key_id}")

    async def begin_with_password(self, name: str, password: str, *, address: str) -> str:
        """A new session's token. Raises Problem: 401, 429, 503."""
        self._check_attempts(address)
        operator = await in_thread(self._ports.store.operator, name)
        async with self._verifying:
            is_it = len(password) <= MOST_CHARS and await in_thread(
                is_password, password, None if operator is None else operator.password_hash
            )
        if not is_it:
            self._failed.note(address, now_seconds=asyncio.get_running_loop().time())
            raise unauthorized("The name or the password is wrong.")
        return await self._begin(name)

    async def visitor(self, token: str | None) -> Visitor | None:
        """Who has this session; None: nobody, or not any more. Raises Problem (503)."""
        if token is None or len(token) != _TOKEN_CHARS:
            return None
        session = await in_thread(self._ports.store.session, _hash_of(token))
        now_ms = self._ports.now_ms()
        if session is None or self._is_over(session, now_ms):
            return None
        caller = await self._caller(session)
        if caller is None:
            return None
        if now_ms - session.seen_at_ms >= _SEEN_EVERY_MS:
            await in_thread(self._ports.store.note_seen, session.token_hash, now_ms)
        return Visitor(caller.key_id, caller, csrf_of(token), OPERATORS_ROOT)

    async def end(self, token: str) -> None:
        """Nobody has it any more."""
        await in_thread(self._ports.store.end_session, _hash_of(token))

    async def _begin(self, operator: str) -> str:
        token = self._ports.random_bytes(_TOKEN_CHARS // 2).hex()
        now_ms = self._ports.now_ms()
        session = Session(
            token_hash=_hash_of(token),
            operator=operator,
            created_at_ms=now_ms,
            seen_at_ms=now_ms,
            expires_at_ms=now_ms + self._ports.rules.lasting_ms,
        )
        await in_thread(self._ports.store.add_session, session)
        return token

    async def _caller(self, session: Session) -> Caller | None:
        """Somebody whose key was revoked, or who was removed, is signed out by it."""
        if not session.operator.startswith(_KEY):
            return Caller(session.operator, None, Access.FULL, "console")
        found = await self._ports.authentication.caller_of_key(session.operator.removeprefix(_KEY))
        return None if found is None else Caller(found.key_id, None, found.access, "console")

    def _is_over(self, session: Session, now_ms: int) -> bool:
        idle_ms = now_ms - session.seen_at_ms
        return session.expires_at_ms <= now_ms or idle_ms > self._ports.rules.idle_ms

    def _check_attempts(self, address: str) -> None:
        now_seconds = asyncio.get_running_loop().time()
        if wait_seconds := self._failed.wait_seconds(address, now_seconds=now_seconds):
            raise Problem(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                title=HTTPStatus.TOO_MANY_REQUESTS.phrase,
                detail=f"Too many wrong passwords came from this address: wait {wait_seconds} s.",
                retry_after_seconds=wait_seconds,
            )


def _hash_of(token: str) -> bytes:
    return sha256(token.encode()).digest()
