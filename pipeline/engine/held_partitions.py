"""Partitions whose position the group has lost: not read until somebody says where to go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.flow import Partition, StartAt
    from pipeline.ports import LostPosition, StartPositions

log = logging.getLogger(__name__)


class HeldPartitions:
    """Poll thread only."""

    def __init__(self, starts: StartPositions) -> None:
        self._starts = starts
        self._reasons: dict[Partition, str] = {}

    @property
    def reasons(self) -> dict[Partition, str]:
        """Why each is held, as of now."""
        return dict(self._reasons)

    def add(self, lost: Iterable[LostPosition]) -> None:
        """They wait from here on."""
        for partition, text in lost:
            if partition not in self._reasons:
                log.error("%s[%d] is held: %s", partition.topic, partition.number, text)
            self._reasons[partition] = text

    def drop(self, partitions: Iterable[Partition]) -> None:
        """They are somebody else's."""
        for partition in partitions:
            self._reasons.pop(partition, None)

    def take_decided(self) -> list[StartAt]:
        """Those for which an operator has decided; they are held no longer."""
        decided = self._starts.decisions(sorted(self._reasons)) if self._reasons else []
        for start in decided:
            topic, number = start.partition
            log.warning("%s[%d] goes on at %d", topic, number, start.offset)
            del self._reasons[start.partition]
        return decided
