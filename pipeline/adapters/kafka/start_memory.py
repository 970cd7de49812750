"""The compacted topic `positions` as `StartMemory`.

Read to its end when asked, written with acknowledgement.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from pipeline.adapters.kafka.delivery_reports import outcome_of
from pipeline.adapters.kafka.groupless import no_group
from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.ports import SourceFailed, Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from confluent_kafka import Message

    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.domain.start_position import StartPosition

librdkafka_log = logging.getLogger("librdkafka")

REQUEST_SECONDS = 10.0
"""Bound of each question to the brokers; beyond it the process starts anew."""


class KafkaStartMemory:
    """Used by one thread at a time. Raises SourceFailed where the brokers do not answer in time."""

    def __init__(
        self, connection: Mapping[str, str | int | bool], codec: RecordCodec, *, topic: str
    ) -> None:
        self._connection = dict(connection)
        self._codec = codec
        self._topic = topic
        self._known: dict[tuple[str, str, int], StartPosition] = {}
        self._consumer = Consumer(
            {
                **connection,
                "logger": librdkafka_log,
                "group.id": no_group(),
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, 0)])
        self._position = 0
        self._inquiry = Inquiry(connection)

    def known(self) -> Mapping[tuple[str, str, int], StartPosition]:
        try:
            _, end = self._consumer.get_watermark_offsets(
                TopicPartition(self._topic, 0), REQUEST_SECONDS
            )
        except KafkaException as error:
            raise SourceFailed(f"cannot read {self._topic}: {error}") from error
        while self._position < end:
            message = self._consumer.poll(REQUEST_SECONDS)
            if message is None:
                raise SourceFailed(f"cannot read {self._topic} to its end")
            failure = message.error()
            offset = message.offset() or 0
            if failure is None:
                self._learn(message.value())
                self._position = offset + 1
            elif failure.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self._position = offset
            else:
                raise SourceFailed(f"cannot read {self._topic}: {failure}")
        return self._known

    def _learn(self, value: object) -> None:
        if not isinstance(value, bytes):
            return
        try:
            entry = self._codec.decode_start_position(value)
        except Undecodable as error:
            raise SourceFailed(
                f"{self._topic} holds what this version cannot read: {error}"
            ) from error
        self._known[(entry.group, entry.topic, entry.partition)] = entry

    def remember(self, positions: Sequence[StartPosition]) -> None:
        producer = Producer(
            {
                **self._connection,
                "acks": "all",
                "enable.idempotence": True,
                "logger": librdkafka_log,
            }
        )
        failures: list[str] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            outcome = outcome_of(error, message)
            if outcome is not None:
                failures.append(outcome.str())

        for entry in positions:
            key = f"{entry.group}/{entry.topic}/{entry.partition}".encode()
            value = self._codec.encode_start_position(entry)
            producer.produce(self._topic, value, key, on_delivery=on_delivery)
        if producer.flush(REQUEST_SECONDS) or failures:
            reason = failures[0] if failures else "no answer"
            raise SourceFailed(f"cannot write to {self._topic}: {reason}")

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        try:
            return self._inquiry.topic_ids(topics)
        except (KafkaRefused, KafkaUnreachable) as error:
            raise SourceFailed(str(error)) from error

    def close(self) -> None:
        self._consumer.close()
