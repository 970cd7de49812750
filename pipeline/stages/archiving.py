"""Archive: what is old goes from the store, a little at a time, beside what the recorder writes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.ports import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.delivery_log import LogArchive

log = logging.getLogger(__name__)

MOST_TURNS = 200
"""Of one round: what is left then waits for the next."""
REST_SECONDS = 0.05
"""Between two turns, for those who record."""


@dataclass(frozen=True, slots=True)
class ArchivingPorts:
    """What is forgotten, and when."""

    archive: LogArchive
    now_ms: Callable[[], int]
    after_ms: int
    """Then headers and bodies go."""
    rows_ms: int
    """Then the rows go, too."""
    round_seconds: float


class Archiving:
    """Goes round for ever; a round that fails is made up for by the next."""

    def __init__(self, ports: ArchivingPorts) -> None:
        self._ports = ports

    async def work(self) -> None:
        """One round after another, the first at once."""
        while True:
            await self.clean()
            await asyncio.sleep(self._ports.round_seconds)

    async def clean(self) -> None:
        """Go round once."""
        ports = self._ports
        try:
            now_ms = ports.now_ms()
            archive = ports.archive
            await asyncio.to_thread(archive.prepare, now_ms=now_ms)
            await _take_turns(partial(archive.blank, before_ms=now_ms - ports.after_ms))
            await _take_turns(partial(archive.forget, before_ms=now_ms - ports.rows_ms))
            await _take_turns(archive.add_up)
            await _take_turns(archive.release)
        except StoreFailed as error:
            log.warning("nothing was archived this time: %s", error)


async def _take_turns(turn: Callable[[], int]) -> None:
    for _ in range(MOST_TURNS):
        if not await asyncio.to_thread(turn):
            return
        await asyncio.sleep(REST_SECONDS)
