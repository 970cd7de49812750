"""The producer of what the outbox holds: it answers each record with its offset."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.adapters.kafka.cluster import Cluster, ClusterFailed
from pipeline.adapters.kafka.delivery_reports import outcome_of
from pipeline.adapters.kafka.served_producer import serve, tell
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS, REFUSED_NOW
from pipeline.adapters.kafka.topic_file import TopicFile
from pipeline.adapters.kafka.topics import Topics
from pipeline.ports import SinkFailed
from pipeline.publishing import Publication

log = logging.getLogger(__name__)
_librdkafka_log: Final = logging.getLogger("librdkafka")
_GIVE_UP_SECONDS: Final = 2.0

Result = int | str | SinkFailed


class OutboxProducer:
    """Implements `OutboxPublisher`: idempotent, acknowledged by all, never given up locally.

    Used on the event loop; acknowledgements come through a thread of its own.
    """

    def __init__(self, connection: Mapping[str, str | int | bool], topic_file: TopicFile) -> None:
        """Nobody is asked yet. Raises SinkFailed or ClusterFailed for an unknown option."""
        self._cluster = Cluster(connection)
        self._topics = Topics(self._cluster, topic_file)
        self._closing = threading.Event()
        try:
            self._producer = Producer(
                {
                    **PRODUCER_SETTINGS,
                    "linger.ms": 0,
                    "logger": _librdkafka_log,
                    **connection,
                    "error_cb": tell,
                }
            )
        except KafkaException as exc:
            raise SinkFailed(exc.args[0].str()) from exc
        self._batch: _Batch | None = None
        self._thread = threading.Thread(target=self._serve, name="outbox", daemon=True)
        self._thread.start()

    async def publish(self, records: Sequence[Publication]) -> list[int | str]:
        batch = _Batch(len(records), asyncio.get_running_loop())
        self._batch = batch
        for index, record in enumerate(records):
            self._produce(record, batch.settling(index))
        return await batch.results()

    def make_topics(self, topics: Sequence[str]) -> dict[str, str]:
        try:
            self._topics.create(topics)
        except ClusterFailed as exc:
            return dict.fromkeys(self._absent(topics), str(exc))
        return {}

    def _absent(self, topics: Sequence[str]) -> Sequence[str]:
        """One of them may be at fault, and the others need not wait for it."""
        try:
            there = self._cluster.layout().topics
        except ClusterFailed:
            return topics
        return [topic for topic in topics if topic not in there or not there[topic].has_leaders]

    def give_up(self) -> None:
        self._producer.purge()
        self._producer.flush(_GIVE_UP_SECONDS)
        self.close()

    def close(self) -> None:
        """End; nothing may be under way. Blocking."""
        self._closing.set()
        self._thread.join()

    def _produce(self, record: Publication, settle: Callable[[Result], None]) -> None:
        def on_delivery(error: KafkaError | None, message: Message) -> None:
            outcome = outcome_of(error, message)
            settle((message.offset() or 0) if outcome is None else _result_of(outcome))

        try:
            self._producer.produce(
                record.topic,
                record.value,
                record.key,
                on_delivery=on_delivery,
                headers=record.headers,  # pyright: ignore[reportArgumentType] - a list of pairs of text and bytes
            )
        except BufferError:
            settle("librdkafka's own buffer is full")
        except KafkaException as exc:
            settle(_result_of(exc.args[0]))

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                serve(self._producer)
            except SinkFailed as failed:
                if self._batch is not None:
                    self._batch.fail(failed)
                return


class _Batch:
    """Records that are produced together; settled on whatever thread learns of it."""

    def __init__(self, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self._results: list[int | str] = [""] * count
        self._left = count
        self._lock = threading.Lock()
        self._loop = loop
        self._done: asyncio.Future[None] = loop.create_future()

    def settling(self, index: int) -> Callable[[Result], None]:
        def settle(result: Result) -> None:
            if isinstance(result, SinkFailed):
                self.fail(result)
                return
            with self._lock:
                self._results[index] = result
                self._left -= 1
                is_last = not self._left
            if is_last:
                self._loop.call_soon_threadsafe(self._finish, None)

        return settle

    def fail(self, failure: SinkFailed) -> None:
        self._loop.call_soon_threadsafe(self._finish, failure)

    async def results(self) -> list[int | str]:
        await self._done
        return self._results

    def _finish(self, failure: SinkFailed | None) -> None:
        if self._done.done():
            return
        if failure is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(failure)


def _result_of(error: KafkaError) -> Result:
    if error.code() in REFUSED_NOW:
        return error.str()
    return SinkFailed(f"a record was not produced: {error.str()}")
