"""When keys were used last: noted in memory, written in batches."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from pipeline.api.store_work import in_thread
from pipeline.ports import StoreFailed
from pipeline.registry import Registry

log = logging.getLogger(__name__)

WRITE_SECONDS: Final = 10.0
_MOST_KEYS: Final = 10_000


class KeyUses:
    """Event loop only."""

    def __init__(self, registry: Registry, *, write_seconds: float = WRITE_SECONDS) -> None:
        self._registry = registry
        self._write_seconds = write_seconds
        self._uses: dict[str, int] = {}

    def note(self, key_id: str, *, now_ms: int) -> None:
        if key_id in self._uses or len(self._uses) < _MOST_KEYS:
            self._uses[key_id] = now_ms

    async def keep_written(self) -> None:
        """For ever; cancelled, it has written what there was."""
        try:
            while True:
                await asyncio.sleep(self._write_seconds)
                await self.write()
        finally:
            await self.write()

    async def write(self) -> None:
        """What is noted; it stays noted where the store cannot be reached."""
        if not self._uses:
            return
        uses, self._uses = self._uses, {}
        try:
            await in_thread(self._write, uses)
        except StoreFailed as exc:
            log.debug("when keys were used is written later: %s", exc)
            self._uses = {**uses, **self._uses}

    def _write(self, uses: dict[str, int]) -> None:
        with self._registry.writing() as writer:
            writer.note_key_uses(uses)
