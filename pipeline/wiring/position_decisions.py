"""An operator's decision where a group goes on with a partition."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from pipeline.adapters.kafka.inquiry import Bounds, Inquiry
from pipeline.adapters.kafka.start_memory import KafkaStartMemory
from pipeline.clock import now_ms
from pipeline.domain.start_position import DecidedBy, StartPosition
from pipeline.flow import Partition
from pipeline.wiring.reach import Reach


class Edge(StrEnum):
    """One of the two ends of what is there."""

    EARLIEST = "earliest"
    LATEST = "latest"


class TimeMs(NamedTuple):
    """The first record that was appended at or after this."""

    time_ms: int


Target = Edge | int | TimeMs


class OutsideOfPartition(Exception):
    """There is no such offset to go on at."""

    def __init__(self, partition: Partition, bounds: Bounds) -> None:
        super().__init__(
            f"{partition.topic}[{partition.number}] has offsets {bounds.first} to {bounds.end}"
        )


class Consequence(StrEnum):
    """What comes of a decision."""

    AT_ONCE = "at_once"
    """A running stage holds the partition, and goes on within about a second."""
    AT_NEXT_START = "at_next_start"
    """Nobody reads it now."""
    WHEN_REASSIGNED = "when_reassigned"
    """Somebody reads it and goes on as before, until the partition gets a new owner."""


class Decided(NamedTuple):
    """One decision."""

    partition: Partition
    before: int | None
    """The committed offset."""
    offset: int
    consequence: Consequence


def decide_positions(
    at: Reach, group: str, partitions: Sequence[Partition], target: Target
) -> list[Decided]:
    """Write where the group goes on; answered once the brokers have it.

    Raises:
        OutsideOfPartition: an offset that a partition does not have; nothing is decided then.
        KafkaUnreachable, KafkaRefused, SourceFailed: the brokers did not do as they were asked.
    """
    inquiry = at.inquiry()
    bounds = inquiry.bounds(partitions)
    offsets = _offsets(inquiry, bounds, target)
    committed = inquiry.committed(group, partitions)
    assigned = inquiry.assigned(group)
    _remember(at, inquiry, group, offsets)
    return [
        Decided(
            one,
            committed.get(one),
            offsets[one],
            _consequence(one in assigned, bounds[one], committed.get(one)),
        )
        for one in partitions
    ]


def _offsets(
    inquiry: Inquiry, bounds: dict[Partition, Bounds], target: Target
) -> dict[Partition, int]:
    if target is Edge.EARLIEST:
        return {partition: bound.first for partition, bound in bounds.items()}
    if target is Edge.LATEST:
        return {partition: bound.end for partition, bound in bounds.items()}
    if isinstance(target, TimeMs):
        return inquiry.offsets_at(list(bounds), target.time_ms)
    offset = int(target)
    for partition, bound in bounds.items():
        if not bound.first <= offset <= bound.end:
            raise OutsideOfPartition(partition, bound)
    return dict.fromkeys(bounds, offset)


def _remember(at: Reach, inquiry: Inquiry, group: str, offsets: dict[Partition, int]) -> None:
    topic_ids = inquiry.topic_ids({partition.topic for partition in offsets})
    now = now_ms()
    memory = KafkaStartMemory(at.connection, at.codec(), topic=at.topology.positions)
    try:
        memory.remember(
            [
                StartPosition(
                    group=group,
                    topic=partition.topic,
                    topic_id=topic_ids[partition.topic],
                    partition=partition.number,
                    offset=offset,
                    decided_at_ms=now,
                    decided_by=DecidedBy.OPERATOR,
                )
                for partition, offset in offsets.items()
            ]
        )
    finally:
        memory.close()


def _consequence(is_assigned: bool, bounds: Bounds, committed: int | None) -> Consequence:  # noqa: FBT001 - a fact
    if not is_assigned:
        return Consequence.AT_NEXT_START
    is_held = committed is None or not bounds.first <= committed <= bounds.end
    return Consequence.AT_ONCE if is_held else Consequence.WHEN_REASSIGNED
