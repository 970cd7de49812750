"""Logs as jobs read them: by time, from where they stopped, and without disturbing any group."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.reading import READ_SECONDS, PartitionReader, reading
from pipeline.domain.delivery import Attempt, Decision, Delivery, Position
from pipeline.domain.job import Span
from pipeline.flow import Partition, Record
from pipeline.ports import LogsUnavailable, Undecodable

librdkafka_log = logging.getLogger("librdkafka")

QUESTION_SECONDS: Final = 10.0

_LITTLE_AT_ONCE: Final[dict[str, str | int | bool]] = {
    "fetch.message.max.bytes": 256 * 1024,
    "queued.max.messages.kbytes": 1024,
    "fetch.queue.backoff.ms": 50,
}
"""A whole span fetched ahead keeps a processor, and the broker, from everything else meanwhile."""


class SpanRecords:
    """One span, piece by piece; blocks. Raises LogsUnavailable."""

    def __init__(self, connection: Mapping[str, str | int | bool], span: Span) -> None:
        self._closing = ExitStack()
        self._partition = Partition(span.topic, span.partition)
        self._end = span.end_offset
        with _mapped():
            self._reader: PartitionReader = self._closing.enter_context(
                reading({**_LITTLE_AT_ONCE, **connection})
            )
            self._reader.begin({self._partition: span.next_offset})

    def piece(self) -> list[Record] | None:
        """The next records in order; None at the end."""
        give_up_at = monotonic() + READ_SECONDS
        with _mapped():
            while True:
                records = [each for each in self._reader.poll() if each.offset < self._end]
                if records:
                    return records
                if self._reader.has_reached(self._partition, self._end):
                    return None
                if monotonic() >= give_up_at:
                    raise LogsUnavailable(f"Kafka sent nothing of {self._partition.topic}")

    def close(self) -> None:
        self._closing.close()


class KafkaJobLogs:
    """Implements what jobs ask of logs. Everything blocks, and raises LogsUnavailable.

    `senders` is the group that delivers.
    """

    def __init__(self, connection: Mapping[str, str | int | bool], *, senders: str) -> None:
        self._connection = connection
        self._inquiry = Inquiry(connection)
        options: dict[str, Any] = {
            **connection,
            "group.id": senders,
            "enable.auto.commit": False,
            "logger": librdkafka_log,
        }
        self._senders = Consumer(options)  # asked what its group has committed, never a member

    def close(self) -> None:
        self._senders.close()

    def spans(
        self, topics: Sequence[str], *, since_ms: int | None, until_ms: int | None
    ) -> tuple[Span, ...]:
        """What was appended in this time and is there now."""
        with _mapped():
            partitions = self._partitions(topics)
            bounds = self._inquiry.bounds(partitions)
            starts = {each: bound.first for each, bound in bounds.items()}
            ends = {each: bound.end for each, bound in bounds.items()}
            if since_ms is not None:
                starts = self._inquiry.offsets_at(partitions, since_ms)
            if until_ms is not None:
                ends = self._inquiry.offsets_at(partitions, until_ms)
        return tuple(
            Span(*each, starts[each], max(starts[each], min(ends[each], bounds[each].end)))
            for each in partitions
        )

    def readable(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """The same, without what was deleted meanwhile."""
        with _mapped():
            counts = self._inquiry.topics()
            there = [one for one in spans if one.partition < counts.get(one.topic, 0)]
            bounds = self._inquiry.bounds([Partition(one.topic, one.partition) for one in there])
        return tuple(
            Span(
                one.topic,
                one.partition,
                max(one.next_offset, bounds[Partition(one.topic, one.partition)].first),
                one.end_offset,
            )
            for one in there
        )

    def opened(self, span: Span) -> SpanRecords:
        return SpanRecords(self._connection, span)

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """How far the senders are."""
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            found = self._senders.committed(asked, QUESTION_SECONDS)
        except KafkaException as exc:
            raise LogsUnavailable(f"the senders' offsets are not told: {exc}") from exc
        return {
            Partition(one.topic, one.partition): one.offset
            for one in found
            if one.error is None and one.offset >= 0
        }

    def written(
        self,
        topics: Sequence[str],
        decode: Callable[[bytes], Delivery],
        *,
        cause_id: str,
        since_ms: int,
    ) -> dict[str, Position]:
        """By id where deliveries of this cause lie that were appended since then."""
        found: dict[str, Position] = {}
        for record in self._since(topics, since_ms):
            try:
                delivery = decode(record.value or b"")
            except Undecodable:
                continue
            if delivery.cause_id == cause_id:
                found[delivery.delivery_id] = Position(*record.partition, record.offset)
        return found

    def delivered(
        self,
        topic: str,
        decode: Callable[[bytes], Sequence[Attempt]],
        *,
        among: frozenset[int],
        since_ms: int,
    ) -> dict[int, int]:
        """When those were last delivered whose `webhook_id` hashes to one of these."""
        found: dict[int, int] = {}
        for record in self._since([topic], since_ms):
            try:
                attempts = decode(record.value or b"")
            except Undecodable:
                continue
            for attempt in attempts:
                webhook = hash(attempt.webhook_id)
                if attempt.decision == Decision.DELIVERED and webhook in among:
                    found[webhook] = max(found.get(webhook, 0), attempt.started_at_ms)
        return found

    def _since(self, topics: Sequence[str], since_ms: int) -> Iterator[Record]:
        with _mapped():
            partitions = self._partitions(topics)
            starts = self._inquiry.offsets_at(partitions, since_ms)
            bounds = self._inquiry.bounds(partitions)
            ends = {each: bound.end for each, bound in bounds.items() if starts[each] < bound.end}
            if not ends:
                return
            with reading(self._connection) as reader:
                reader.begin({partition: starts[partition] for partition in ends})
                yield from reader.read_to(ends)

    def _partitions(self, topics: Sequence[str]) -> list[Partition]:
        counts = self._inquiry.topics()
        return [
            Partition(topic, number) for topic in topics for number in range(counts.get(topic, 0))
        ]


@contextmanager
def _mapped() -> Generator[None]:
    try:
        yield
    except (KafkaRefused, KafkaUnreachable) as exc:
        raise LogsUnavailable(str(exc)) from exc
