"""Reads single records by their place: one consumer, kept open, used by one thread at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pipeline.adapters.kafka.groupless import no_group
from pipeline.domain.delivery import Position
from pipeline.ports import LogsUnavailable

log = logging.getLogger(__name__)
librdkafka_log = logging.getLogger("librdkafka")

READ_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.25
_METADATA_SECONDS: Final = 2.0

_SETTINGS: Final[dict[str, str | int | bool]] = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "allow.auto.create.topics": False,
    # One record is wanted, and what comes along with it is thrown away.
    "fetch.wait.max.ms": 10,
    "fetch.message.max.bytes": 64 * 1024,
    "queued.max.messages.kbytes": 1024,
    "receive.message.max.bytes": 100 * 1024 * 1024,
}

_GONE: Final = frozenset(
    {
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - its public name
        KafkaError._PARTITION_EOF,  # noqa: SLF001 - its public name
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - its public name
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - its public name
    }
)


class KafkaRecordLog:
    """Implements `RecordLog`. Belongs to no group, commits nothing and disturbs nobody."""

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        *,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._connection = connection
        self._read_seconds = read_seconds
        self._consumer: Consumer | None = None
        self._lock = Lock()

    def read(self, position: Position) -> bytes | None:
        with self._lock:
            consumer = self._opened()
            topic, number, offset = position
            try:
                consumer.assign([TopicPartition(topic, number, offset)])
                return self._value(consumer, position)
            except KafkaException as exc:
                raise LogsUnavailable(f"{topic}[{number}]: {exc.args[0].str()}") from exc
            finally:
                consumer.unassign()  # otherwise it would go on fetching what follows

    def close(self) -> None:
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None

    def _opened(self) -> Consumer:
        if self._consumer is None:
            settings = {
                **_SETTINGS,
                **self._connection,
                "group.id": no_group(),
                "error_cb": _log,
                "logger": librdkafka_log,
            }
            try:
                self._consumer = Consumer(settings)
            except KafkaException as exc:
                raise LogsUnavailable(f"librdkafka does not take these options: {exc}") from exc
        return self._consumer

    def _value(self, consumer: Consumer, position: Position) -> bytes | None:
        give_up_at = monotonic() + self._read_seconds
        while monotonic() < give_up_at:
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                if _is_missing(consumer, position):
                    return None
                continue
            if not _is_of(message, position):
                continue
            error = message.error()
            if error is None:
                # Behind a gap the first record is another one.
                return message.value() if message.offset() == position.offset else None
            if error.code() in _GONE:
                return None
            if error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise LogsUnavailable(f"{position.topic}: {error.str()}")
            _log(error)
        raise LogsUnavailable(
            f"Kafka sent nothing of {position.topic} for {self._read_seconds:g} s"
        )


def _is_of(message: Message, position: Position) -> bool:
    """What is left of an earlier question is not."""
    return message.topic() == position.topic and message.partition() == position.partition


def _is_missing(consumer: Consumer, position: Position) -> bool:
    """Whether the brokers say so. A consumer goes on waiting for a topic that was deleted."""
    topics = consumer.list_topics(position.topic, timeout=_METADATA_SECONDS).topics
    found = topics.get(position.topic)
    if found is None:
        return False
    if found.error is not None:
        return found.error.code() in _GONE
    return bool(found.partitions) and position.partition not in found.partitions


def _log(error: KafkaError) -> None:
    log.debug("kafka: %s", error.str())
