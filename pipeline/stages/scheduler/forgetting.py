"""Takes back what tables say of things that ended long ago, so that the tables stay small."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One table: which of its keys are old, by when their records were appended."""

    topic: str
    older_than: Callable[[int], Sequence[bytes]]
    kept_ms: int


@dataclass(frozen=True, slots=True)
class ForgettingPorts:
    """What it works with."""

    tables: Sequence[Forgotten]
    take_back: Callable[[str, bytes], Awaitable[None]]
    """Write a tombstone; returns when the brokers have it."""
    is_mine: Callable[[], bool]
    """Whether this process is the one whose turn it is."""
    now_ms: Callable[[], int]
    round_seconds: float


class Forgetting:
    """Goes round for ever. Two that do it at once write the same."""

    def __init__(self, ports: ForgettingPorts) -> None:
        self._ports = ports

    async def work(self) -> None:
        """One round after another."""
        while True:
            await asyncio.sleep(self._ports.round_seconds)
            if self._ports.is_mine():
                await self.forget()

    async def forget(self) -> None:
        """Go round once."""
        ports = self._ports
        for table in ports.tables:
            for key in table.older_than(ports.now_ms() - table.kept_ms):
                await ports.take_back(table.topic, key)
