"""The process's producer over confluent-kafka.

Idempotent, acknowledged by all, never given up locally.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Producer

from pipeline.adapters.kafka.broker_clock import BrokerClock
from pipeline.adapters.kafka.delivery_reports import UNPLACED, outcome_of
from pipeline.adapters.kafka.served_producer import PromptService, tell
from pipeline.adapters.kafka.topic_turns import TopicTurns
from pipeline.clock import now_ms
from pipeline.domain.rights import MissingRight, Operation, Resource
from pipeline.ports import EmitRefused, SinkFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import Message

    from pipeline.flow import Emit

    Done = Callable[[EmitRefused | None], None]

log = logging.getLogger(__name__)
librdkafka_log = logging.getLogger("librdkafka")

PRODUCER_SETTINGS: dict[str, str | int | bool] = {
    "enable.idempotence": True,
    "acks": "all",
    # A record is never given up here, so order and acknowledgement never part; the ledger's bound
    # stops intake.
    "message.timeout.ms": 0,
    "linger.ms": 1,
    "partitioner": "murmur2_random",  # the same partition as Java's producers choose for a key
    "queue.buffering.max.messages": 200_000,
    "queue.buffering.max.kbytes": 256 * 1024,
    "message.max.bytes": 8 * 1024 * 1024,
    "allow.auto.create.topics": False,
}
CONGESTED_BYTES = 16 * 1024 * 1024
CONGESTED_RECORDS = 10_000
"""Many turns' worth: more would not be acknowledged sooner, and take 30 MB of a router's memory."""


class KafkaSink:
    """Implements `RecordSink`. Used on the event loop.

    Acknowledgements come through a thread of its own.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        *,
        on_failed: Callable[[BaseException], None],
    ) -> None:
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._acknowledged: deque[tuple[Emit, Done, KafkaError | None]] = deque()
        self._turns: TopicTurns[Done] = TopicTurns(self._produce)
        self._wake_pending = False
        self._bytes = 0
        self._records = 0
        self._room = asyncio.Event()
        self._closing = False
        self._newest: Message | None = None
        self._clock = BrokerClock()
        self._producer = Producer(
            {
                **PRODUCER_SETTINGS,
                **connection,
                "error_cb": tell,
                "logger": librdkafka_log,
            }
        )
        self._service = PromptService(self._producer)
        self._thread = threading.Thread(target=self._serve, name="acknowledgements", daemon=True)
        self._thread.start()

    def send(self, emit: Emit, done: Done) -> None:
        self._bytes += len(emit.value)
        self._records += 1
        self._turns.add(emit, done)

    def _produce(self, emit: Emit, done: Done) -> bool:
        acknowledged = self._acknowledged

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            acknowledged.append((emit, done, outcome_of(error, message)))
            self._newest = message

        try:
            self._producer.produce(
                emit.topic,
                emit.value,
                emit.key,
                emit.partition,
                on_delivery,
                headers=emit.headers,  # pyright: ignore[reportArgumentType] - a list of pairs of text and bytes
            )
        except BufferError:
            return False
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            self._loop.call_soon(self._settle, emit, done, cause)
        self._service.note_produced()
        return True

    @property
    def is_congested(self) -> bool:
        return self._bytes > CONGESTED_BYTES or self._records > CONGESTED_RECORDS

    async def wait_room(self) -> None:
        while self.is_congested:
            self._room.clear()
            await self._room.wait()

    def _serve(self) -> None:
        while not self._closing:
            try:
                self._service.serve()
            except SinkFailed as failed:
                self._loop.call_soon_threadsafe(self._on_failed, failed)
                return
            self._read_clock()
            if self._acknowledged and not self._wake_pending:
                # One wake-up for a whole batch of acknowledgements.
                self._wake_pending = True
                self._loop.call_soon_threadsafe(self._settle_all)

    def _read_clock(self) -> None:
        newest, self._newest = self._newest, None
        if newest is not None and newest.error() is None:
            kind, appended_ms = newest.timestamp()
            if kind == TIMESTAMP_LOG_APPEND_TIME:
                self._clock.note(now_ms() - appended_ms, at_seconds=time.monotonic())

    @property
    def clock_ahead_ms(self) -> int:
        return self._clock.ahead_ms

    def _settle_all(self) -> None:
        self._wake_pending = False
        acknowledged = self._acknowledged
        for _ in range(len(acknowledged)):
            self._settle(*acknowledged.popleft())
        if not self.is_congested:
            self._room.set()

    def _settle(self, emit: Emit, done: Done, error: KafkaError | None) -> None:
        self._turns.note_answered(emit.topic)
        if error is UNPLACED:
            self._repeat(emit, done)
            return
        self._bytes -= len(emit.value)
        self._records -= 1
        if error is None:
            done(None)
        elif error.code() in REFUSED_FOR_GOOD:
            done(EmitRefused(error.str(), too_large=error.code() == KafkaError.MSG_SIZE_TOO_LARGE))
        else:
            self._on_failed(unproduced(error, emit.topic))

    def _repeat(self, emit: Emit, done: Done) -> None:
        log.warning("a record of %s is produced again: %s", emit.topic, UNPLACED.str())
        if self._closing:
            return  # whoever begins anew repeats it, for it is not done
        self._turns.add(emit, done)

    async def close(self, *, wait_seconds: float) -> int:
        """Send what is queued.

        Answers how many records were not acknowledged in time (they are repeated).
        """
        self._turns.end()
        with contextlib.suppress(KafkaException):
            await asyncio.to_thread(self._producer.flush, wait_seconds)
        self._closing = True
        await asyncio.to_thread(self._thread.join)
        self._settle_all()
        return self._records


REFUSED_FOR_GOOD = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - its public name
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - its public name
        KafkaError.TOPIC_EXCEPTION,
    }
)
"""What no waiting will mend for this record."""

REFUSED_NOW = REFUSED_FOR_GOOD | {KafkaError.TOPIC_AUTHORIZATION_FAILED}
"""And what somebody can mend: a stage waits for him, and whoever publishes is told."""


def unproduced(error: KafkaError, topic: str) -> SinkFailed:
    """Why a process ends that cannot write a record, and must not give it up."""
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return SinkFailed(str(MissingRight(Resource.TOPIC, topic, Operation.WRITE)))
    return SinkFailed(f"a record was not produced to {topic}: {error.str()}")
