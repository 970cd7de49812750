"""Whether records are finished, and how old what is not finished has become. Any thread may ask."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.engine.partitions import OwnedPartitions

_MS_PER_SECOND = 1_000


class ProgressWatch:
    """`look` must be called regularly, on the event loop."""

    def __init__(self, partitions: OwnedPartitions, *, now_ms: Callable[[], int]) -> None:
        self._partitions = partitions
        self._now_ms = now_ms
        self._moved = 0
        self._moved_at = time.monotonic()

    def look(self) -> None:
        """See whether something was finished since the last time, or there is nothing to do."""
        partitions = self._partitions
        moved = partitions.moved
        if moved != self._moved or not (partitions.unfinished or partitions.behind):
            self._moved = moved
            self._moved_at = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """How long nothing was finished although there is something."""
        return time.monotonic() - self._moved_at

    @property
    def oldest_age_seconds(self) -> float:
        """Of the oldest record that was read and is not finished; 0 where there is none."""
        oldest_ms = self._partitions.oldest_ms()
        return 0.0 if oldest_ms is None else max(self._now_ms() - oldest_ms, 0) / _MS_PER_SECOND
