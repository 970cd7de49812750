"""Publishes accepted events for the API: a request waits for the acknowledgement of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.accepting import NotPublished
from pipeline.adapters.kafka.delivery_reports import outcome_of
from pipeline.adapters.kafka.served_producer import POLL_SECONDS, serve, tell
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS
from pipeline.flow import Emit
from pipeline.ports import SinkFailed

librdkafka_log = logging.getLogger("librdkafka")

MOST_UNACKNOWLEDGED: Final = 20_000
MOST_UNACKNOWLEDGED_BYTES: Final = 64 * 1024 * 1024
"""Whoever wants more is refused, not kept waiting: memory stays bounded while Kafka is away."""
GIVE_UP_MS: Final = 10_000
"""A record that was not sent by then is dropped: whoever published it was told, and repeats it."""


class KafkaEventLog:
    """Implements `EventLog` with one idempotent producer; to be used on the event loop.

    Acknowledgements come on a thread of its own and wake the event loop once for all that came
    together, so that a record costs one call there, and a request one future.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        *,
        on_failed: Callable[[BaseException], None],
    ) -> None:
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._finished: deque[_Publication] = deque()
        self._unsent: deque[tuple[_Publication, int, KafkaError]] = deque()
        self._wake_pending = False
        self._records = 0
        self._bytes = 0
        self._closing = False
        self._producer = Producer(
            {
                **PRODUCER_SETTINGS,
                "message.timeout.ms": GIVE_UP_MS,
                **connection,
                "error_cb": tell,
                "logger": librdkafka_log,
            }
        )
        self._thread = threading.Thread(target=self._serve, name="acknowledgements", daemon=True)
        self._thread.start()

    async def publish(self, records: Sequence[Emit]) -> None:
        size_bytes = sum(len(record.value) for record in records)
        if (
            self._records + len(records) > MOST_UNACKNOWLEDGED
            or self._bytes + size_bytes > MOST_UNACKNOWLEDGED_BYTES
        ):
            raise NotPublished("Kafka has so much to acknowledge that it is given nothing more")
        self._records += len(records)
        self._bytes += size_bytes
        publication = _Publication(
            len(records), size_bytes, finished=self._finished, future=self._loop.create_future()
        )
        self._produce(records, publication)
        await publication.future

    def _produce(self, records: Sequence[Emit], publication: _Publication) -> None:
        produce, on_delivery = self._producer.produce, publication.on_delivery
        for number, record in enumerate(records):
            try:
                produce(
                    record.topic,
                    record.value,
                    record.key,
                    record.partition,
                    on_delivery,
                    headers=record.headers,  # pyright: ignore[reportArgumentType] - a list of pairs of text and bytes
                )
            except (BufferError, KafkaException) as error:
                # Told on the thread that counts, beside those of its records that were produced.
                self._unsent.append((publication, len(records) - number, _cause(error)))
                return

    def _serve(self) -> None:
        while not self._closing:
            try:
                serve(self._producer)
            except SinkFailed as failed:
                self._loop.call_soon_threadsafe(self._on_failed, failed)
                return
            while self._unsent:
                publication, count, cause = self._unsent.popleft()
                for _ in range(count):
                    publication.note(cause)
            if self._finished and not self._wake_pending:
                self._wake_pending = True
                self._loop.call_soon_threadsafe(self._settle_all)

    def _settle_all(self) -> None:
        self._wake_pending = False
        finished = self._finished
        for _ in range(len(finished)):
            publication = finished.popleft()
            self._records -= publication.records
            self._bytes -= publication.size_bytes
            publication.settle()

    async def close(self, *, wait_seconds: float) -> None:
        """Send what was given; whoever still waits then is told that it was not acknowledged."""
        await asyncio.to_thread(self._producer.flush, wait_seconds)
        self._producer.purge()
        await asyncio.to_thread(self._producer.flush, POLL_SECONDS)
        self._closing = True
        await asyncio.to_thread(self._thread.join)
        self._settle_all()


class _Publication:
    """Records of one request, and who waits for them. Counted on one thread alone."""

    __slots__ = ("_error", "_finished", "_left", "future", "records", "size_bytes")

    def __init__(
        self,
        records: int,
        size_bytes: int,
        *,
        finished: deque[_Publication],
        future: asyncio.Future[None],
    ) -> None:
        self.records = records
        self.size_bytes = size_bytes
        self.future = future
        self._left = records
        self._finished = finished
        self._error: KafkaError | None = None

    def on_delivery(self, error: KafkaError | None, message: Message) -> None:
        self.note(outcome_of(error, message))

    def note(self, error: KafkaError | None) -> None:
        """Of one record more."""
        self._left -= 1
        if error is not None:
            self._error = error
        if not self._left:
            self._finished.append(self)

    def settle(self) -> None:
        if self.future.done():
            return  # whoever waited was cancelled
        if self._error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(NotPublished(_text(self._error)))


def _cause(error: BufferError | KafkaException) -> KafkaError:
    if isinstance(error, BufferError):
        return KafkaError(KafkaError._QUEUE_FULL)  # noqa: SLF001 - its public name
    return error.args[0]


def _text(error: KafkaError) -> str:
    return _TEXTS.get(error.code()) or f"Kafka refuses it: {error.str()}"


_TEXTS: Final = {
    KafkaError._MSG_TIMED_OUT: (  # noqa: SLF001 - its public name
        f"Kafka has not acknowledged it within {GIVE_UP_MS // 1000} s"
    ),
    KafkaError._PURGE_QUEUE: "this process ends",  # noqa: SLF001 - its public name
    KafkaError._PURGE_INFLIGHT: "this process ends",  # noqa: SLF001 - its public name
    KafkaError._QUEUE_FULL: "Kafka has so much to take already",  # noqa: SLF001 - its public name
}
