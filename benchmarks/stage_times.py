"""How long an event was in each stage, by Kafka's timestamps and the receiver's clock.

Kafka's clock is this machine's, in whole milliseconds: an append at x.7 ms is written as x, so half
a millisecond is added to each, and a single time is only good to half a millisecond.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, TopicPartition

from benchmarks.children import BenchmarkFailed
from benchmarks.endpoint_layouts import EndpointLayout
from benchmarks.endpoint_tables import own_topics
from benchmarks.events import event_number
from benchmarks.pacing import NS_PER_MS, Times, percentiles_ms
from benchmarks.rig import Figures
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.domain.topology import Topology
from pipeline.flow import Partition, Record
from pipeline.resources import SCHEMAS_DIR

STAGES: Final = {
    "published": "producer's call to event appended",
    "routed": "event appended to delivery appended",
    "sent": "delivery appended to request received",
    "noted": "request received to attempt appended",
}
_HALF_MS: Final = 0.5
_READ_SECONDS: Final = 60.0
_OFFSET_BEGINNING: Final = -2

Numbers = Callable[[Record], Iterable[int]]
"""The events that a record is about."""


def clock_offset_ns() -> int:
    """What is to be added to CLOCK_MONOTONIC for the time since 1970."""
    return time.time_ns() - time.monotonic_ns()


class SeenOutside(NamedTuple):
    """What the benchmark has timed itself, of the same events."""

    sent_ns: Times
    arrived_ns: Times
    offset_ns: int
    """What `clock_offset_ns` said meanwhile."""

    def since_1970_ms(self, times: Times) -> dict[int, float]:
        return {number: (times[number] + self.offset_ns) / NS_PER_MS for number in self.sent_ns}


def stage_times(
    servers: str, topology: Topology, layout: EndpointLayout, *, seen: SeenOutside
) -> Figures:
    """Percentiles for each stage. Raises BenchmarkFailed: an event is not in one of the topics."""
    codec = RecordCodec(load_schemas(SCHEMAS_DIR))
    wanted = seen.sent_ns.keys()
    appended = [
        _appended_ms(servers, topics, numbers, wanted=set(wanted))
        for topics, numbers in _readings(topology, layout, codec)
    ]
    sent, arrived = seen.since_1970_ms(seen.sent_ns), seen.since_1970_ms(seen.arrived_ns)
    moments = [sent, appended[0], appended[1], arrived, appended[2]]
    figures: Figures = {}
    for name, (before, after) in zip(STAGES, pairwise(moments), strict=True):
        took_ms = [after[number] - before[number] for number in wanted]
        figures |= percentiles_ms(f"stage.{name}.", took_ms)
    return figures


def _readings(
    topology: Topology, layout: EndpointLayout, codec: RecordCodec
) -> Iterator[tuple[list[str], Numbers]]:
    """Topics with what tells whose records they have, in the order of an event's way."""
    delivery = own_topics(layout, topology) or [topology.shared_delivery]

    def of_event(record: Record) -> Iterator[int]:
        yield event_number(codec.decode_event(record).id)

    def of_delivery(record: Record) -> Iterator[int]:
        yield event_number(codec.decode_delivery(record.value or b"").event_id)

    def of_attempts(record: Record) -> Iterator[int]:
        for attempt in codec.decode_attempts(record.value or b""):
            yield event_number(attempt.event_id)

    yield [topology.events], of_event
    yield delivery, of_delivery
    yield [topology.attempts], of_attempts


def _appended_ms(
    servers: str, topics: list[str], numbers: Numbers, *, wanted: set[int]
) -> dict[int, float]:
    """When each wanted event's first record was appended, in milliseconds since 1970."""
    appended: dict[int, float] = {}
    for record in _read(servers, topics):
        for number in numbers(record):
            if number in wanted:
                appended.setdefault(number, record.timestamp_ms + _HALF_MS)
    if missing := len(wanted) - len(appended):
        raise BenchmarkFailed(f"{missing} of {len(wanted)} events are not in {', '.join(topics)}")
    return appended


def _read(servers: str, topics: list[str]) -> Iterator[Record]:
    """Everything that is in them now."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"benchmark-{uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        found = consumer.list_topics(timeout=10).topics
        left = {(topic, number) for topic in topics for number in found[topic].partitions}
        consumer.assign([TopicPartition(*place, _OFFSET_BEGINNING) for place in left])
        deadline = time.monotonic() + _READ_SECONDS
        while left:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"{', '.join(topics)} could not be read to the end")
            for message in consumer.consume(500, 0.2):
                place = (message.topic() or "", message.partition() or 0)
                error, value = message.error(), message.value()
                if error is None and isinstance(value, bytes):
                    at_ms = message.timestamp()[1]
                    yield Record(Partition(*place), message.offset() or 0, None, value, at_ms)
                elif error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    left.discard(place)
    finally:
        consumer.close()
