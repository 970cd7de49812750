"""Which group reads which topics, and how far each is: the answer to `lag` and `offsets show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.adapters.kafka.lag import PartitionLag, partition_lags
from pipeline.adapters.kafka.reading import reading
from pipeline.adapters.kafka.start_memory import KafkaStartMemory
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.start_position import DecidedBy, StartPosition
from pipeline.flow import Partition
from pipeline.ports import Undecodable
from pipeline.wiring.reach import STAGES, Reach


class TopicKind(StrEnum):
    """What it means that records of a topic have not been read."""

    FLOWING = "flowing"
    """They are late."""
    DELIVERY = "delivery"
    """They are late, or wait for an endpoint whose circuit is open."""
    INACTIVE = "inactive"
    """They are held for an endpoint that is not active."""
    WAITING = "waiting"
    """They are not due: a tier."""


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
    kinds = _kinds(at, inquiry, codec, existing)
    known = {entry.topic for entry in memory.values()} & existing.keys()
    view = _View(at, inquiry, memory, inquiry.topic_ids(sorted(known)))
    return [
        topic
        for stage in stages
        for topic in view.topics_of(
            stage, {name: existing[name] for name in kinds[stage] if name in existing}, kinds[stage]
        )
    ]


class _View:
    """Looks at one group after the other."""

    def __init__(
        self, at: Reach, inquiry: Inquiry, memory: Memory, topic_ids: Mapping[str, str]
    ) -> None:
        self._at = at
        self._inquiry = inquiry
        self._memory = memory
        self._topic_ids = topic_ids

    def topics_of(
        self, stage: str, counts: Mapping[str, int], kinds: Mapping[str, TopicKind]
    ) -> list[ReadTopic]:
        group = self._at.group(stage)
        partitions = [Partition(name, number) for name in counts for number in range(counts[name])]
        found: dict[str, list[ReadPartition]] = {name: [] for name in counts}
        for lag in partition_lags(self._at.connection, self._inquiry, group, partitions):
            found[lag.partition.topic].append(self._judged(group, lag))
        return [
            ReadTopic(
                stage,
                group,
                name,
                kinds[name],
                is_own=self._at.topology.endpoint_of(name) is not None,
                partitions=tuple(found[name]),
            )
            for name in sorted(counts)
        ]

    def _judged(self, group: str, lag: PartitionLag) -> ReadPartition:
        topic, number = lag.partition
        entry = self._memory.get((group, topic, number))
        if entry is not None and entry.topic_id != self._topic_ids.get(topic):
            entry = None  # of a topic that was deleted and made again
        return ReadPartition(lag, _state(lag, entry), entry)


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


def _kinds(
    at: Reach, inquiry: Inquiry, codec: RecordCodec, existing: Mapping[str, int]
) -> dict[str, dict[str, TopicKind]]:
    topology = at.topology
    own = [name for name in existing if topology.endpoint_of(name) is not None]
    inactive = _inactive_topics(at, inquiry, codec) if own else frozenset[str]()
    deliveries = {
        name: TopicKind.INACTIVE if name in inactive else TopicKind.DELIVERY for name in own
    }
    return {
        "router": {source.topic: TopicKind.FLOWING for source in at.topic_file.sources},
        "sender": {topology.shared_delivery: TopicKind.DELIVERY, **deliveries},
        "scheduler": {topology.retry(tier.name): TopicKind.WAITING for tier in at.topic_file.tiers},
        "recorder": {
            topology.attempts: TopicKind.FLOWING,
            topology.dead_letter: TopicKind.FLOWING,
        },
    }


def _inactive_topics(at: Reach, inquiry: Inquiry, codec: RecordCodec) -> frozenset[str]:
    table = Partition(at.topology.endpoints, 0)
    bounds = inquiry.bounds([table])[table]
    endpoints: dict[bytes, Endpoint] = {}
    if bounds.end > bounds.first:
        with reading(at.connection) as reader:
            reader.begin({table: bounds.first})
            for record in reader.read_to({table: bounds.end}):
                _learn(endpoints, codec, record.key or b"", record.value, record.offset)
    return frozenset(
        endpoint.topic
        for endpoint in endpoints.values()
        if endpoint.status in {EndpointStatus.INACTIVE, EndpointStatus.PENDING}
    )


def _learn(
    endpoints: dict[bytes, Endpoint],
    codec: RecordCodec,
    key: bytes,
    value: bytes | None,
    version: int,
) -> None:
    if value is None:
        endpoints.pop(key, None)
        return
    try:
        endpoints[key] = codec.decode_endpoint(value, version=version)
    except Undecodable:
        endpoints.pop(key, None)  # of another version: shown as active
