"""The tables in this process's memory, and waiting until they are as far as somebody has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from pipeline.domain.directory import Directory
from pipeline.domain.interventions import Interventions
from pipeline.domain.profile_table import Profiles
from pipeline.domain.stars import Stars


class FollowedTables(Protocol):
    """The tables as this process has read them; used on the event loop."""

    directory: Directory
    profiles: Profiles
    stars: Stars
    interventions: Interventions

    @property
    def positions(self) -> Mapping[str, int]:
        """By table, without the topics' prefix: the offset before which all is applied."""
        ...

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call it whenever more was read."""
        ...


class TableReach:
    """Lets requests wait for the tables."""

    def __init__(self, tables: FollowedTables) -> None:
        self._tables = tables
        self._waiting: list[asyncio.Future[None]] = []
        tables.listen(self._wake)

    async def wait_reached(self, wanted: Mapping[str, int]) -> None:
        """Return when all before these positions is applied."""
        await self.wait_until(lambda: self._has_reached(wanted))

    async def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Return when the tables say so; it is looked at whenever more of them was read."""
        while not is_so():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _has_reached(self, wanted: Mapping[str, int]) -> bool:
        reached = self._tables.positions
        return all(reached[table] >= position for table, position in wanted.items())

    def _wake(self, _: frozenset[str]) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
