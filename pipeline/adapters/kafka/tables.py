"""Follows compacted topics from their beginning and hands every record to the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.adapters.kafka.groupless import no_group
from pipeline.domain.least_rights import NO_GROUP
from pipeline.domain.rights import MissingRight, Operation, Resource
from pipeline.ports import SourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from confluent_kafka import Message

log = logging.getLogger(__name__)
librdkafka_log = logging.getLogger("librdkafka")

POLL_SECONDS = 0.1
POLL_RECORDS = 1000


class TableRecord(NamedTuple):
    """One record of a table; its offset is the version of what it says."""

    topic: str
    offset: int
    key: bytes
    value: bytes | None
    """None: a tombstone."""
    timestamp_ms: int = 0
    """When the broker appended it."""


class TableReader:
    """Reads tables (one partition each) in a thread of its own.

    `apply` is called on the event loop, in order within each table; `on_ends` after it, with where
    a table ended by then: where its last records were compacted away, no record tells. Nothing is
    applied any more once `apply` has raised SourceFailed.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        topics: Sequence[str],
        *,
        apply: Callable[[list[TableRecord]], None],
        on_failed: Callable[[BaseException], None],
        on_ends: Callable[[dict[str, int]], None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._topics = tuple(topics)
        self._apply = apply
        self._on_failed = on_failed
        self._on_ends = on_ends
        self._loop = asyncio.get_running_loop()
        self._behind = set(topics)
        self._built = asyncio.Event()
        self._failure: SourceFailed | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tables", daemon=True)

    async def start(self) -> None:
        """Return when every table has been read to its end once. Raises SourceFailed."""
        self._thread.start()
        await self._built.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        self._closing.set()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        consumer = Consumer(
            {
                "fetch.wait.max.ms": 100,
                "message.max.bytes": 8 * 1024 * 1024,
                **self._connection,
                "group.id": no_group(),
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "logger": librdkafka_log,
            }
        )
        try:
            consumer.assign([TopicPartition(topic, 0, 0) for topic in self._topics])
            while not self._closing.is_set():
                first = consumer.poll(POLL_SECONDS)
                if first is not None:
                    self._hand_over([first, *consumer.consume(POLL_RECORDS, 0)])
        except KafkaException as error:
            failure = SourceFailed(f"the tables cannot be read: {error}")
            self._loop.call_soon_threadsafe(self._fail, failure)
        except SourceFailed as error:
            self._loop.call_soon_threadsafe(self._fail, error)
        finally:
            consumer.close()

    def _apply_or_fail(self, records: list[TableRecord]) -> None:
        if self._failure is None:
            try:
                self._apply(records)
            except SourceFailed as failure:
                self._fail(failure)

    def _fail(self, failure: SourceFailed) -> None:
        self._failure = failure
        self._on_failed(failure)
        self._built.set()

    def _hand_over(self, messages: Sequence[Message]) -> None:
        records: list[TableRecord] = []
        ends: dict[str, int] = {}
        for message in messages:
            failure = message.error()
            topic = message.topic() or ""
            if failure is None:
                records.append(
                    TableRecord(
                        topic,
                        message.offset() or 0,
                        _bytes(message.key()) or b"",
                        _bytes(message.value()),
                        message.timestamp()[1],
                    )
                )
            elif failure.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self._behind.discard(topic)
                ends[topic] = message.offset() or 0
            else:
                _judge(failure, topic)
        if records:
            self._loop.call_soon_threadsafe(self._apply_or_fail, records)
        if ends:
            self._loop.call_soon_threadsafe(self._on_ends, ends)
        if not self._behind:
            self._loop.call_soon_threadsafe(self._built.set)


def _judge(failure: KafkaError, topic: str) -> None:
    if failure.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        raise SourceFailed(str(MissingRight(Resource.TOPIC, topic, Operation.READ)))
    if failure.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        raise SourceFailed(str(MissingRight(Resource.GROUP, f"{NO_GROUP}*", Operation.DESCRIBE)))
    if failure.fatal():
        raise KafkaException(failure)
    log.warning("table %s: %s", topic, failure.str())


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None
