"""Requests with an `Idempotency-Key`: answered once, and again with the same answer for a day."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, NamedTuple, TypeVar

from pipeline.api.problems import FieldError, Problem, conflict, invalid
from pipeline.api.store_work import in_thread
from pipeline.ports import StoreFailed
from pipeline.registry import KeptAnswer, Registry

log = logging.getLogger(__name__)

KEPT_MS: Final = 24 * 3_600 * 1_000
FORGET_SECONDS: Final = 600.0
STORE_SECONDS: Final = 2.0
"""A store that takes longer is taken for one that is away."""
AWAY_SECONDS: Final = 5.0
"""So long a store that was away is not asked again."""
_HEADER: Final = "#header/Idempotency-Key"
_KEY: Final = re.compile(r"[ -~]{1,255}", re.ASCII)

_T = TypeVar("_T")


class Repeatable(NamedTuple):
    """A request that may come again."""

    owner: str
    """The id of the API key that it came with."""
    key: str
    content: bytes
    """A hash of what it asks for."""


def read_idempotency_key(header: bytes) -> str:
    """The key. Raises Problem (422)."""
    key = header.decode("latin-1")
    if _KEY.fullmatch(key) is None:
        raise invalid([FieldError(_HEADER, "use 1-255 printable characters of ASCII")])
    return key


class Repetition:
    """Remembers answers in the store. Without the store nothing is remembered, and all goes on."""

    def __init__(self, registry: Registry, *, now_ms: Callable[[], int]) -> None:
        self._registry = registry
        self._now_ms = now_ms
        self._running: dict[tuple[str, str], bytes] = {}
        self._away_until = 0.0

    async def answered(self, request: Repeatable, act: Callable[[], Awaitable[bytes]]) -> bytes:
        """What was answered before, or what `act` answers now; that is kept.

        Raises:
            Problem: 409, other content came under the same key, or the same is still under way;
                whatever `act` raises, which is not kept.
        """
        place = (request.owner, request.key)
        running = self._running.get(place)
        if running is not None:
            raise _other_content() if running != request.content else _still_running()
        self._running[place] = request.content
        try:
            kept = await self._asked(self._kept, request)
            if kept is not None:
                if kept.request_hash != request.content:
                    raise _other_content()
                return kept.answer
            answer = await act()
            await self._asked(self._keep, request, answer)
            return answer
        finally:
            del self._running[place]

    async def forget(self) -> None:
        """What is older than a day, for ever."""
        while True:
            await self._asked(self._forget_old)
            await asyncio.sleep(FORGET_SECONDS)

    async def _asked(self, question: Callable[..., _T], *arguments: object) -> _T | None:
        """None also where the store is away."""
        if monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await in_thread(question, *arguments)
        except (StoreFailed, TimeoutError) as exc:
            reason = str(exc) or "the store is slow"
            log.warning("idempotency keys are not looked at: %s", reason)
            self._away_until = monotonic() + AWAY_SECONDS
            return None

    def _kept(self, request: Repeatable) -> KeptAnswer | None:
        with self._registry.writing() as writer:
            kept = writer.kept_answer(request.owner, request.key)
        is_old = kept is not None and kept.created_at_ms <= self._now_ms() - KEPT_MS
        return None if is_old else kept

    def _keep(self, request: Repeatable, answer: bytes) -> None:
        kept = KeptAnswer(
            request.owner,
            request.key,
            request.content,
            status=202,
            answer=answer,
            created_at_ms=self._now_ms(),
        )
        with self._registry.writing() as writer:
            # Where another process was first, it had the same content, or our ids differ from its.
            writer.keep_answer(kept)

    def _forget_old(self) -> None:
        with self._registry.writing() as writer:
            writer.forget_answers(before_ms=self._now_ms() - KEPT_MS)


def _other_content() -> Problem:
    return conflict(
        "Another request came with this Idempotency-Key: use a new key for other content."
    )


def _still_running() -> Problem:
    return Problem(
        status=409,
        title="Conflict",
        detail="The same request is still under way.",
        retry_after_seconds=1,
    )
