"""Attempts as they are made, read from their topic."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter

from confluent_kafka import KafkaError

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused
from pipeline.adapters.kafka.reading import reading
from pipeline.domain.delivery import Attempt
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable

log = logging.getLogger(__name__)

DecodeAttempts = Callable[[bytes], list[Attempt]]


def follow_attempts(
    connection: Mapping[str, str | int | bool],
    topic: str,
    decode: DecodeAttempts,
    *,
    is_from_start: bool,
    on_outage: Callable[[str], None],
) -> Iterator[list[Attempt]]:
    """Batches for ever, each ordered by time, empty ones where nothing happens.

    `on_outage` is told once, each time the brokers are gone.

    Raises:
        KafkaUnreachable: no broker answers at the start. Later on it waits.
        KafkaRefused: the topic is not there or must not be read.
    """
    starts = _starts(Inquiry(connection), topic, is_from_start=is_from_start)
    is_down = False

    def on_error(error: KafkaError) -> None:
        nonlocal is_down
        if error.code() == KafkaError._ALL_BROKERS_DOWN and not is_down:  # noqa: SLF001 - its public name
            is_down = True
            on_outage(error.str())

    with reading(connection, on_error=on_error) as reader:
        reader.begin(starts)
        while True:
            records = reader.poll()
            if records:
                is_down = False
            attempts = [attempt for record in records for attempt in _decoded(record, decode)]
            yield sorted(attempts, key=attrgetter("started_at_ms"))


def _starts(inquiry: Inquiry, topic: str, *, is_from_start: bool) -> dict[Partition, int]:
    count = inquiry.topics().get(topic)
    if count is None:
        raise KafkaRefused(f"there is no topic {topic}: make it with `pipeline topics apply`")
    bounds = inquiry.bounds([Partition(topic, number) for number in range(count)])
    return {
        partition: bound.first if is_from_start else bound.end
        for partition, bound in bounds.items()
    }


def _decoded(record: Record, decode: DecodeAttempts) -> list[Attempt]:
    try:
        return decode(record.value or b"")
    except Undecodable as exc:
        topic, number = record.partition
        log.warning("%s[%d] at %d is left out: %s", topic, number, record.offset, exc)
        return []
