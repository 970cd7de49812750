"""Who a request comes from, by its key."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from pipeline.api.caller import OPERATOR_KEY_ID, Caller
from pipeline.api.failed_attempts import FailedAttempts
from pipeline.api.key_memory import KeyMemory
from pipeline.api.key_texts import MAX_KEY_CHARS, hash_of, id_in
from pipeline.api.key_uses import KeyUses
from pipeline.api.problems import Problem
from pipeline.registry import Access

_SCHEME: Final = "bearer"
_MOST_ACCEPTED: Final = 10_000
_OPERATOR: Final = Caller(OPERATOR_KEY_ID, None, Access.FULL)


class Authentication:
    """Finds a request's caller. Event loop only."""

    def __init__(
        self,
        memory: KeyMemory,
        uses: KeyUses,
        *,
        operator_key: str | None,
        now_ms: Callable[[], int],
    ) -> None:
        """`operator_key`: the one that the settings name, which no store is needed for."""
        self._memory = memory
        self._uses = uses
        self._operator_hash = None if operator_key is None else hash_of(operator_key)
        self._now_ms = now_ms
        self._failed = FailedAttempts()
        self._accepted: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    async def caller(self, authorization: str | None, *, address: str) -> Caller:
        """Raises Problem: 401 without a good key, 429 for too many wrong ones, 503."""
        text = _key_in(authorization)
        hashed = hash_of(text)
        # Who was let in from there before is not locked out by a neighbour's wrong keys.
        if (address, hashed) not in self._accepted:
            self._check_attempts(address)
        caller = await self._found(text, hashed)
        if caller is None:
            self._accepted.pop((address, hashed), None)
            self._failed.note(address, now_seconds=asyncio.get_running_loop().time())
            raise unauthorized("The key is unknown, revoked or expired.")
        self._accept(address, hashed)
        return caller

    async def caller_of_key(self, key_id: str) -> Caller | None:
        """Whose key was found good before; None: it holds no longer. Raises Problem (503)."""
        if key_id == OPERATOR_KEY_ID:
            return None if self._operator_hash is None else _OPERATOR
        key = await self._memory.find(key_id)
        if key is None or (key.expires_at_ms or self._now_ms() + 1) <= self._now_ms():
            return None
        return Caller(key.id, key.account, key.access)

    async def _found(self, text: str, hashed: bytes) -> Caller | None:
        if self._operator_hash is not None and hmac.compare_digest(hashed, self._operator_hash):
            return _OPERATOR
        key_id = id_in(text)
        key = None if key_id is None else await self._memory.find(key_id)
        if key is None or not hmac.compare_digest(hashed, key.hash):
            return None
        now_ms = self._now_ms()
        if key.expires_at_ms is not None and key.expires_at_ms <= now_ms:
            return None
        self._uses.note(key.id, now_ms=now_ms)
        return Caller(key.id, key.account, key.access)

    def _check_attempts(self, address: str) -> None:
        now_seconds = asyncio.get_running_loop().time()
        if wait_seconds := self._failed.wait_seconds(address, now_seconds=now_seconds):
            raise Problem(
                status=HTTPStatus.TOO_MANY_REQUESTS,
                title=HTTPStatus.TOO_MANY_REQUESTS.phrase,
                detail="Too many wrong keys came from this address.",
                retry_after_seconds=wait_seconds,
            )

    def _accept(self, address: str, hashed: bytes) -> None:
        self._accepted[(address, hashed)] = None
        if len(self._accepted) > _MOST_ACCEPTED:
            self._accepted.popitem(last=False)


def unauthorized(detail: str) -> Problem:
    """401."""
    return Problem(
        status=HTTPStatus.UNAUTHORIZED, title=HTTPStatus.UNAUTHORIZED.phrase, detail=detail
    )


def _key_in(authorization: str | None) -> str:
    if authorization is None:
        raise unauthorized("Send a key: Authorization: Bearer <key>.")
    scheme, _, text = authorization.partition(" ")
    text = text.strip()
    if scheme.lower() != _SCHEME or not text or len(text) > MAX_KEY_CHARS:
        raise unauthorized("Send a key in this form: Authorization: Bearer <key>.")
    return text
