"""Keys of the store as this process knows them: asked for rarely, and kept while it is away."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from pipeline.api.problems import unavailable
from pipeline.ports import StoreFailed
from pipeline.registry import ApiKey, Registry

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 2.0
"""So long a key is believed unasked: a revocation by another process holds after it."""
_ASK_AHEAD_SECONDS: Final = 1.0
"""A key that is used goes on being fresh without anybody waiting."""
KEPT_SECONDS: Final = 3600.0
"""So long a key that was good is believed while the store cannot be asked."""
_PATIENCE_SECONDS: Final = 1.0
"""For an answer about a key that was good a moment ago."""
_ANSWER_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 1.0
"""After a failure nobody waits for the store for so long."""
_MOST_KEYS: Final = 10_000
_MOST_QUESTIONS: Final = 200
_THREADS: Final = 2
"""Of its own: where all others wait for the store, keys that are known still pass."""

_Answer = asyncio.Future[ApiKey | None]


@dataclass(frozen=True, slots=True)
class _Known:
    key: ApiKey
    asked_at: float
    """When the question was put that it answers, on the event loop's clock."""


class KeyMemory:
    """Finds keys by their id. Event loop only; `close` it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="keys")
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._questions: dict[str, _Answer] = {}
        self._revoked: OrderedDict[str, None] = OrderedDict()
        self._away_until = 0.0

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def forget(self, key_id: str) -> None:
        """It was revoked: it holds here from now on, whatever is being read of the store."""
        self._known.pop(key_id, None)
        self._revoked[key_id] = None
        if len(self._revoked) > _MOST_KEYS:
            self._revoked.popitem(last=False)

    async def find(self, key_id: str) -> ApiKey | None:
        """A key that is not revoked, or None. Raises Problem (503): nobody knows now."""
        found = None if key_id in self._revoked else await self._found(key_id)
        # It may have been revoked, here, while we asked; the answer is then from before.
        return None if key_id in self._revoked else found

    async def _found(self, key_id: str) -> ApiKey | None:
        known = self._known.get(key_id)
        now = asyncio.get_running_loop().time()
        if known is None:
            return await self._asked(key_id)
        age = now - known.asked_at
        if age < _ASK_AHEAD_SECONDS:
            return known.key
        question = self._ask(key_id)
        if age < FRESH_SECONDS:
            return known.key
        return await self._renewed(known, question, age_seconds=age)

    async def _asked(self, key_id: str) -> ApiKey | None:
        question = self._ask(key_id)
        if question is None:
            raise unavailable("Too many keys are being looked up at once.")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await asyncio.shield(question)
        except (StoreFailed, TimeoutError) as exc:
            raise unavailable("The store cannot be asked for this key now.") from exc

    async def _renewed(
        self, known: _Known, question: _Answer | None, *, age_seconds: float
    ) -> ApiKey | None:
        is_away = asyncio.get_running_loop().time() < self._away_until
        if question is not None and not (is_away and age_seconds < KEPT_SECONDS):
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    return await asyncio.shield(question)
            except (StoreFailed, TimeoutError):
                self._rest()
        if age_seconds < KEPT_SECONDS:
            return known.key
        raise unavailable("The store cannot be asked for this key now.")

    def _ask(self, key_id: str) -> _Answer | None:
        """One question at a time for each key; None: there are too many."""
        question = self._questions.get(key_id)
        if question is not None:
            return question
        if len(self._questions) >= _MOST_QUESTIONS:
            return None
        loop = asyncio.get_running_loop()
        question = loop.run_in_executor(self._threads, self._read, key_id)
        self._questions[key_id] = question
        question.add_done_callback(self._noting(key_id, asked_at=loop.time()))
        return question

    def _noting(self, key_id: str, *, asked_at: float) -> Callable[[_Answer], None]:
        def note(question: _Answer) -> None:
            self._questions.pop(key_id, None)
            if question.cancelled():
                return
            if question.exception() is not None:
                self._rest()
                return
            key = question.result()
            if key is None or key_id in self._revoked:
                self._known.pop(key_id, None)
                return
            self._known[key_id] = _Known(key, asked_at)
            self._known.move_to_end(key_id)
            if len(self._known) > _MOST_KEYS:
                self._known.popitem(last=False)

        return note

    def _rest(self) -> None:
        self._away_until = asyncio.get_running_loop().time() + _PAUSE_SECONDS

    def _read(self, key_id: str) -> ApiKey | None:
        with self._registry.reading() as reader:
            key = reader.key(key_id)
        return None if key is None or key.revoked_at_ms is not None else key
