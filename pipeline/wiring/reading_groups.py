"""Which group reads which topics, and how far each is: the answer to `lag` and `offsets show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.adapters.kafka.lag import PartitionLag, partition_lags
from pipeline.adapters.kafka.start_memory import KafkaStartMemory
from pipeline.domain.start_position import DecidedBy, StartPosition
from pipeline.flow import Partition
from pipeline.wiring.reach import STAGES, Reach
from pipeline.wiring.stage_topics import TopicKind, inactive_topics, kind_of, topics_read_by


class PartitionState(StrEnum):
    """How a group stands with a partition."""

    READING = "reading"
    NEW = "new"
    """Never begun."""
    HELD = "held"
    """Its position is lost: nobody reads it until somebody says where to go on."""
    DECIDED = "decided"
    """An operator has said where; not applied yet."""


class ReadPartition(NamedTuple):
    """One partition of a group."""

    lag: PartitionLag
    state: PartitionState
    first_start: StartPosition | None


class ReadTopic(NamedTuple):
    """One topic of a group."""

    stage: str
    group: str
    topic: str
    kind: TopicKind
    is_own: bool
    """Whether it is an endpoint's own."""
    partitions: tuple[ReadPartition, ...]


Memory = Mapping[tuple[str, str, int], StartPosition]


def read_topics_of(at: Reach, stages: Sequence[str] = STAGES) -> list[ReadTopic]:
    """Every topic of these stages that exists.

    Raises:
        KafkaUnreachable: nobody answers.
        KafkaRefused: a topic or a group must not be looked at.
        SourceFailed: the memory of first starts cannot be read.
    """
    inquiry, codec = at.inquiry(), at.codec()
    existing = inquiry.topics()
    memory: Memory = _memory(at, codec) if at.topology.positions in existing else {}
    has_endpoints = "sender" in stages and at.topology.endpoints in existing
    view = _View(
        at,
        inquiry,
        memory=_of_this_cluster(memory, inquiry, existing),
        inactive=inactive_topics(at, inquiry, codec) if has_endpoints else frozenset(),
    )
    return [topic for stage in stages for topic in view.topics_of(stage, existing)]


class _View:
    """Looks at one group after the other."""

    def __init__(
        self, at: Reach, inquiry: Inquiry, *, memory: Memory, inactive: frozenset[str]
    ) -> None:
        self._at = at
        self._inquiry = inquiry
        self._memory = memory
        self._inactive = inactive

    def topics_of(self, stage: str, existing: Mapping[str, int]) -> list[ReadTopic]:
        group = self._at.group(stage)
        names = topics_read_by(self._at, stage, existing)
        partitions = [Partition(name, number) for name in names for number in range(existing[name])]
        found: dict[str, list[ReadPartition]] = {name: [] for name in names}
        for lag in partition_lags(self._at.connection, self._inquiry, group, partitions):
            topic, number = lag.partition
            entry = self._memory.get((group, topic, number))
            found[topic].append(ReadPartition(lag, _state(lag, entry), entry))
        return [
            ReadTopic(
                stage,
                group,
                name,
                kind_of(self._at, name, self._inactive),
                is_own=self._at.topology.endpoint_of(name) is not None,
                partitions=tuple(found[name]),
            )
            for name in names
        ]


def _of_this_cluster(memory: Memory, inquiry: Inquiry, existing: Mapping[str, int]) -> Memory:
    """Without what is known of topics that were deleted; one that was made again is a new one."""
    known = {entry.topic for entry in memory.values()} & existing.keys()
    topic_ids = inquiry.topic_ids(sorted(known))
    return {
        key: entry for key, entry in memory.items() if topic_ids.get(entry.topic) == entry.topic_id
    }


def _state(lag: PartitionLag, entry: StartPosition | None) -> PartitionState:
    if entry is not None and entry.decided_by == DecidedBy.OPERATOR:
        return PartitionState.DECIDED
    if lag.is_out_of_range:
        return PartitionState.HELD
    if lag.committed is not None:
        return PartitionState.READING
    return PartitionState.NEW if entry is None else PartitionState.HELD


def _memory(at: Reach, codec: RecordCodec) -> Memory:
    memory = KafkaStartMemory(at.connection, codec, topic=at.topology.positions)
    try:
        return memory.known()
    finally:
        memory.close()
