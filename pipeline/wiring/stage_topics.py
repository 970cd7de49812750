"""Which topics each stage reads, and what it means where it has not read them yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.adapters.kafka.reading import reading
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable
from pipeline.wiring.reach import Reach


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


_UNREAD_STATUSES = frozenset((EndpointStatus.INACTIVE, EndpointStatus.PENDING))


def topics_read_by(at: Reach, stage: str, existing: Iterable[str]) -> tuple[str, ...]:
    """Those of the existing topics that a stage reads, in the order in which people look."""
    topology = at.topology
    there = set(existing)
    by_stage: dict[str, Iterable[str]] = {
        "router": (source.topic for source in at.topic_file.sources),
        "sender": (topology.shared_delivery, *sorted(filter(topology.endpoint_of, there))),
        "scheduler": (topology.retry(tier.name) for tier in at.topic_file.tiers),
        "recorder": (topology.attempts, topology.dead_letter),
    }
    return tuple(topic for topic in by_stage[stage] if topic in there)


def kind_of(at: Reach, topic: str, inactive: frozenset[str]) -> TopicKind:
    """What records mean that wait in a topic; `inactive` are the topics of inactive endpoints."""
    topology = at.topology
    if topic in inactive:
        return TopicKind.INACTIVE
    if topic == topology.shared_delivery or topology.endpoint_of(topic) is not None:
        return TopicKind.DELIVERY
    return TopicKind.FLOWING if topology.tier_of(topic) is None else TopicKind.WAITING


def inactive_topics(at: Reach, inquiry: Inquiry, codec: RecordCodec) -> frozenset[str]:
    """Own topics of endpoints that no sender reads now. Raises KafkaUnreachable or KafkaRefused."""
    table = Partition(at.topology.endpoints, 0)
    bounds = inquiry.bounds([table])[table]
    endpoints: dict[bytes, Endpoint] = {}
    if bounds.end > bounds.first:
        with reading(at.connection) as reader:
            reader.begin({table: bounds.first})
            for record in reader.read_to({table: bounds.end}):
                _learn(endpoints, codec, record)
    return _unread(endpoints)


def _learn(endpoints: dict[bytes, Endpoint], codec: RecordCodec, record: Record) -> None:
    key = record.key or b""
    endpoints.pop(key, None)
    if record.value is None:
        return
    try:
        endpoints[key] = codec.decode_endpoint(record.value, version=record.offset)
    except Undecodable:
        return  # of another version: shown as active


def _unread(endpoints: Mapping[bytes, Endpoint]) -> frozenset[str]:
    return frozenset(one.topic for one in endpoints.values() if one.status in _UNREAD_STATUSES)
