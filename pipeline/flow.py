"""What moves between Kafka and the stages: records in, emits out."""

from __future__ import annotations

from typing import Final, NamedTuple

HELD_BYTES: Final = 1_700
"""What a decoded record takes in memory beside its value (measured)."""


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


class Record(NamedTuple):
    """A record as it was consumed."""

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    """When the broker appended it (all our topics are LogAppendTime)."""
    headers: list[tuple[str, bytes | None]] | None = None
    leader_epoch: int | None = None

    @property
    def held_bytes(self) -> int:
        """What it takes in memory until it is finished: its value and what is decoded of it."""
        return HELD_BYTES + 2 * len(self.value or b"")


class Emit(NamedTuple):
    """A record to be produced. The key chooses the partition (murmur2) unless one is named."""

    topic: str
    value: bytes
    key: bytes | None = None
    headers: list[tuple[str, bytes]] | None = None
    partition: int = -1


class StartAt(NamedTuple):
    """Where a partition begins for its new owner."""

    partition: Partition
    offset: int
    metadata: str = ""
    """What the last owner left beside the offset."""
    finished: frozenset[int] = frozenset()
    """Offsets beyond that are known to be finished; what the metadata tell may be more."""
    leader_epoch: int | None = None
    """Of the last record below the offset, as far as it is known."""
