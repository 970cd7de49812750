"""The newest records of a topic; nothing is committed, nobody is disturbed."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused
from pipeline.adapters.kafka.reading import reading
from pipeline.flow import Partition, Record


def newest_records(
    connection: Mapping[str, str | int | bool], topic: str, *, count: int
) -> list[Record]:
    """At most `count`, the oldest of them first.

    Raises:
        KafkaUnreachable: nobody answers, or nothing comes.
        KafkaRefused: the topic is not there, or must not be read.
    """
    inquiry = Inquiry(connection)
    partitions = inquiry.topics().get(topic)
    if partitions is None:
        raise KafkaRefused(f"there is no topic {topic}")
    bounds = inquiry.bounds([Partition(topic, number) for number in range(partitions)])
    filled = {partition: bound for partition, bound in bounds.items() if bound.end > bound.first}
    starts = {one: max(bound.first, bound.end - count) for one, bound in filled.items()}
    with reading(connection) as reader:
        reader.begin(starts)
        records = list(reader.read_to({one: bound.end for one, bound in filled.items()}))
    return sorted(records, key=attrgetter("timestamp_ms"))[-count:]
