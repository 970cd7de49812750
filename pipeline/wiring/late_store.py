"""The store for a process that does not need it to start: opened as soon as it can be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final

from pipeline.domain.audit import Author
from pipeline.moving import Entry
from pipeline.ports import StoreFailed
from pipeline.publishing import OutboxTurn, Outlook
from pipeline.registry import RegistryReader, RegistryWriter
from pipeline.wiring.late_log import LateLog, LateRecentLog
from pipeline.wiring.late_operating import LateOperating
from pipeline.wiring.registry_store import RegistryStore

log = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 1.0


class LateStore:
    """Whoever asks before it is open is told StoreFailed."""

    def __init__(self, open_store: Callable[[], RegistryStore]) -> None:
        self._open_store = open_store
        self._opened: RegistryStore | None = None
        self._is_closed = False
        self._reason = "it is being opened"

    @property
    def parts(self) -> RegistryStore:
        """To be used as one that is open."""
        late = LateLog(lambda: self.opened.log, lambda: self.opened.rows)
        operating = LateOperating(lambda: self.opened.operators, lambda: self.opened.audit)
        return RegistryStore(
            registry=_LateRegistry(self),
            outbox=_LateOutbox(self),
            log=late,
            rows=late,
            recent=LateRecentLog(lambda: self.opened.recent),
            operators=operating,
            audit=operating,
            whole=_LateWhole(self),
            close=self.close,
        )

    @property
    def opened(self) -> RegistryStore:
        """Raises StoreFailed."""
        if self._opened is None:
            raise StoreFailed(self._reason)
        return self._opened

    @property
    def is_open(self) -> bool:
        """Whether it was opened; it may be away again."""
        return self._opened is not None

    async def try_open(self) -> bool:
        """Whether it is open now. What is wrong is logged once."""
        try:
            opened = await asyncio.to_thread(self._open_store)
        except StoreFailed as exc:
            if str(exc) != self._reason:
                log.warning("%s; trying again until it can be opened", exc)
            self._reason = str(exc)
            return False
        self._opened = opened
        if self._is_closed:
            opened.close()
        return True

    async def keep_trying(self) -> None:
        """Return once it is open."""
        while self._opened is None:
            if not await self.try_open():
                await asyncio.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        self._is_closed = True
        if self._opened is not None:
            self._opened.close()


class _LateRegistry:
    """Implements `Registry`."""

    def __init__(self, late: LateStore) -> None:
        self._late = late

    def reading(self) -> AbstractContextManager[RegistryReader]:
        return self._late.opened.registry.reading()

    def writing(self, by: Author | None = None) -> AbstractContextManager[RegistryWriter]:
        return self._late.opened.registry.writing(by)


class _LateOutbox:
    """Implements `OutboxStore`."""

    def __init__(self, late: LateStore) -> None:
        self._late = late

    def turn(self) -> AbstractContextManager[OutboxTurn | None]:
        return self._late.opened.outbox.turn()

    def outlook(self, sequences: Sequence[int]) -> Outlook:
        return self._late.opened.outbox.outlook(sequences)


class _LateWhole:
    """Implements `WholeStore`."""

    def __init__(self, late: LateStore) -> None:
        self._late = late

    def entries(self) -> AbstractContextManager[Iterator[Entry]]:
        return self._late.opened.whole.entries()
