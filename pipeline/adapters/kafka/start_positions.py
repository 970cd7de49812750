"""Where a group's partitions begin; lost offsets are never taken for a first start.

Kafka forgets a group's offsets after a while, or when somebody deletes them. Without another memory
a partition that was read for a year would then look like one never read. So the first start of
every (group, topic, partition) is kept in a compacted topic; a partition that is known there and
has no committed offset is held until an operator says where it goes on (`pipeline offsets set`),
which is kept in the same topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from pipeline.clock import now_ms
from pipeline.domain.start_position import DecidedBy, StartPosition
from pipeline.flow import Partition, StartAt
from pipeline.ports import LostPosition, SourceFailed, Starts, progress_at

if TYPE_CHECKING:
    from pipeline.adapters.kafka.source import KafkaSource

    FirstOffset = Callable[[Partition], int]

HELD = (
    "the group {group} has read it before and its committed offset is gone; nothing is sent again "
    "by guessing. Say where it goes on: pipeline offsets set --group {group} --topic {topic} "
    "--partition {number} --to <earliest|latest|offset|time>"
)


class StartMemory(Protocol):
    """The compacted topic, as the poll thread uses it."""

    def known(self) -> Mapping[tuple[str, str, int], StartPosition]:
        """By group, topic and partition, as of now."""
        ...

    def remember(self, positions: Sequence[StartPosition]) -> None:
        """Return when the brokers have them."""
        ...

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """Kafka's ids of those topics that exist."""
        ...


class GroupStarts:
    """Implements `StartPositions` over committed offsets and the memory of first starts.

    `first_offset` says where a partition begins that the group has never read.
    """

    def __init__(
        self, source: KafkaSource, memory: StartMemory, *, first_offset: FirstOffset
    ) -> None:
        self._group = source.group
        self._source = source
        self._memory = memory
        self._first_offset = first_offset

    def starts(self, partitions: Sequence[Partition]) -> Starts:
        if not partitions:
            return Starts([], [])
        committed = self._source.committed(partitions)
        known = self._memory.known()
        ids = self._memory.topic_ids({partition.topic for partition in partitions})
        begin: list[StartAt] = []
        held: list[LostPosition] = []
        decided: list[StartPosition] = []
        new: set[Partition] = set()
        # A static member that comes back is given what it had, deleted topics too.
        for partition in [each for each in partitions if each.topic in ids]:
            topic_id = ids[partition.topic]
            memory = known.get((self._group, partition.topic, partition.number))
            if memory is not None and memory.topic_id != topic_id:
                memory = None
            if memory is not None and memory.decided_by == DecidedBy.OPERATOR:
                begin.append(StartAt(partition, memory.offset))
                decided.append(memory._replace(decided_by=DecidedBy.APPLIED))
            elif partition in committed:
                begin.append(committed[partition])
                if memory is None:
                    decided.append(self._first(committed[partition], topic_id))
            elif memory is None:
                start = StartAt(partition, self._first_offset(partition))
                begin.append(start)
                decided.append(self._first(start, topic_id))
                new.add(partition)
            else:
                held.append(self._held(partition))
        self._settle(begin, decided)
        by_operator = frozenset(
            Partition(entry.topic, entry.partition)
            for entry in decided
            if entry.decided_by == DecidedBy.APPLIED
        )
        return Starts(begin, held, by_operator | new)

    def decisions(self, held: Sequence[Partition]) -> list[StartAt]:
        known = self._memory.known()
        entries = [
            known.get((self._group, partition.topic, partition.number)) for partition in held
        ]
        decided = [
            entry
            for entry in entries
            if entry is not None and entry.decided_by == DecidedBy.OPERATOR
        ]
        begin = [
            StartAt(Partition(entry.topic, entry.partition), entry.offset) for entry in decided
        ]
        if decided:
            applied = [entry._replace(decided_by=DecidedBy.APPLIED) for entry in decided]
            self._settle(begin, applied)
        return begin

    def _settle(self, begin: Sequence[StartAt], decided: Sequence[StartPosition]) -> None:
        """Commit first, remember second.

        A crash between the two repeats this, and never holds a new partition.
        """
        if not decided:
            return
        news = {Partition(entry.topic, entry.partition) for entry in decided}
        progress = [
            progress_at(start, start.metadata) for start in begin if start.partition in news
        ]
        if not self._source.commit_and_wait(progress):
            raise SourceFailed("the first position of a partition could not be committed")
        self._memory.remember(decided)

    def _first(self, start: StartAt, topic_id: str) -> StartPosition:
        return StartPosition(
            group=self._group,
            topic=start.partition.topic,
            topic_id=topic_id,
            partition=start.partition.number,
            offset=start.offset,
            decided_at_ms=now_ms(),
            decided_by=DecidedBy.FIRST_START,
        )

    def _held(self, partition: Partition) -> LostPosition:
        text = HELD.format(group=self._group, topic=partition.topic, number=partition.number)
        return LostPosition(partition, text)
