"""Jobs read whole topics while everything else goes on: so they work a part of the time."""

from __future__ import annotations

import asyncio
from typing import Final

STINT_SECONDS: Final = 0.001
"""So long a job works before the process's other work has its turn."""
RESTS: Final = 9
"""For each second of work so many without, of all jobs of the process together."""
LONGEST_SECONDS: Final = 0.1
"""A stint that took longer was held up itself."""


class Rests:
    """Shared by all jobs of a process, who rest one after the other. Event loop only."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def after(self, worked_seconds: float) -> None:
        async with self._turn:
            await asyncio.sleep(RESTS * min(worked_seconds, LONGEST_SECONDS))


class Stint:
    """What one job works between two rests."""

    def __init__(self, rests: Rests) -> None:
        self._rests = rests
        self._worked_seconds = 0.0

    async def add(self, seconds: float) -> None:
        """So long it has worked, without waiting for anything."""
        self._worked_seconds += seconds
        if self._worked_seconds >= STINT_SECONDS:
            worked, self._worked_seconds = self._worked_seconds, 0.0
            await self._rests.after(worked)
