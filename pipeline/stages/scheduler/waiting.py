"""Records of a tier, waiting for its delay to elapse. Event loop only."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.flow import Partition, Record

MOST_WAITING = 400
"""A partition with this many waiting in memory is read no further; the rest waits in its log."""
FEW_WAITING = 50
"""With so few it is read again. A pause throws away what was fetched ahead, some 100 records, so
several times as many are read between two."""


class WaitingLine:
    """One partition of a tier.

    The delay is constant and runs from the append, so the head is always next.
    """

    __slots__ = ("delay_ms", "is_stopped", "partition", "records")

    def __init__(self, partition: Partition, *, delay_ms: int) -> None:
        self.partition = partition
        self.delay_ms = delay_ms
        self.records: deque[Record] = deque()
        self.is_stopped = False

    def elapsed(self, now_ms: int) -> Iterator[Record]:
        """Take those whose delay is over, in order."""
        records = self.records
        while records and not self.is_stopped and records[0].timestamp_ms + self.delay_ms <= now_ms:
            yield records.popleft()

    def next_at_ms(self) -> int | None:
        """When the head's delay is over."""
        if self.is_stopped or not self.records:
            return None
        return self.records[0].timestamp_ms + self.delay_ms
