"""Reads partitions without a group: nothing is committed, nobody is disturbed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pipeline.adapters.kafka.groupless import no_group
from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.flow import Partition, Record

log = logging.getLogger(__name__)
librdkafka_log = logging.getLogger("librdkafka")

READ_SECONDS: Final = 10.0
"""How long nothing may come of what is known to be there."""
_POLL_SECONDS: Final = 0.2
_MOST_RECORDS: Final = 500

_SETTINGS: Final[dict[str, str | int | bool]] = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "allow.auto.create.topics": False,
    "fetch.wait.max.ms": 100,
    "fetch.message.max.bytes": 1024 * 1024,
    "queued.max.messages.kbytes": 8 * 1024,
    "receive.message.max.bytes": 100 * 1024 * 1024,
}


class PartitionReader:
    """Made by `reading`. Methods raise KafkaRefused where a partition cannot be read at all."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._at_end: set[Partition] = set()

    def begin(self, starts: Mapping[Partition, int]) -> None:
        """Read these from these offsets, and nothing else."""
        self._at_end.clear()
        self._consumer.assign(
            [TopicPartition(*partition, offset) for partition, offset in starts.items()]
        )

    def drop(self, partitions: Sequence[Partition]) -> None:
        """Read these no more."""
        self._consumer.incremental_unassign(
            [TopicPartition(*partition) for partition in partitions]
        )

    def poll(self, timeout_seconds: float = _POLL_SECONDS) -> list[Record]:
        """What is there; waits for the first record, at most so long."""
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return []
        return [
            _record(message)
            for message in (first, *self._consumer.consume(_MOST_RECORDS, 0))
            if self._is_record(message)
        ]

    def read_to(self, ends: Mapping[Partition, int]) -> Iterator[Record]:
        """Everything below these offsets, partition by partition in order.

        Raises:
            KafkaUnreachable: nothing came for ten seconds.
        """
        waiting = dict(ends)
        give_up_at = monotonic() + READ_SECONDS
        while waiting:
            records = self.poll()
            yield from (
                record for record in records if record.offset < ends.get(record.partition, 0)
            )
            reached = [one for one, end in waiting.items() if self.has_reached(one, end)]
            if reached:
                self.drop(reached)
                for partition in reached:
                    del waiting[partition]
            if records or reached:
                give_up_at = monotonic() + READ_SECONDS
            elif monotonic() >= give_up_at:
                raise KafkaUnreachable(
                    f"Kafka sent nothing of {next(iter(waiting)).topic} for {READ_SECONDS:g} s"
                )

    def has_reached(self, partition: Partition, end: int) -> bool:
        """Whether everything below this offset was read."""
        if partition in self._at_end:
            return True  # the last offsets may be markers of transactions, which are no records
        return self._consumer.position([TopicPartition(*partition)])[0].offset >= end

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            self._at_end.add(Partition(message.topic() or "", message.partition() or 0))
            return False
        if error.code() in _UNREADABLE or error.fatal():
            raise KafkaRefused(f"{message.topic()}[{message.partition()}]: {error.str()}")
        log.debug("kafka: %s", error.str())
        return False


def _log(error: KafkaError) -> None:
    log.debug("kafka: %s", error.str())


@contextmanager
def reading(
    connection: Mapping[str, str | int | bool], *, on_error: Callable[[KafkaError], None] = _log
) -> Generator[PartitionReader]:
    """A reader, closed at the end; `on_error` is told what librdkafka will mend by itself."""
    try:
        consumer = Consumer(
            {
                **_SETTINGS,
                **connection,
                "group.id": no_group(),
                "error_cb": on_error,
                "logger": librdkafka_log,
            }
        )
    except KafkaException as exc:
        raise KafkaRefused(f"librdkafka does not take these options: {exc}") from exc
    try:
        yield PartitionReader(consumer)
    finally:
        consumer.close()


def _record(message: Message) -> Record:
    return Record(
        Partition(message.topic() or "", message.partition() or 0),
        message.offset() or 0,
        message.key(),
        message.value(),
        message.timestamp()[1],
        message.headers() or None,  # pyright: ignore[reportArgumentType] - a list of pairs of text and bytes
        message.leader_epoch(),
    )


_UNREADABLE: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - its public name
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - its public name
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - its public name
    }
)
