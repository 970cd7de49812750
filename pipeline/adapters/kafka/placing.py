"""Produces records one by one and tells where each came to lie."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.adapters.kafka.delivery_reports import UNPLACED, outcome_of
from pipeline.adapters.kafka.served_producer import serve, tell
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS, REFUSED_FOR_GOOD, unproduced
from pipeline.domain.delivery import Position
from pipeline.flow import Emit
from pipeline.ports import EmitRefused, SinkFailed

librdkafka_log = logging.getLogger("librdkafka")

_FULL_PAUSE_SECONDS: Final = 0.05

_Told = tuple["asyncio.Future[Position | None]", KafkaError | None, Position]


class KafkaPlacing:
    """An idempotent producer for work that goes step by step; to be used on the event loop.

    A record is never given up: whoever waits for it waits until the brokers have it.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        *,
        on_failed: Callable[[BaseException], None],
    ) -> None:
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._told: deque[_Told] = deque()
        self._closing = False
        self._producer = Producer(
            {
                **PRODUCER_SETTINGS,
                **connection,
                "error_cb": tell,
                "logger": librdkafka_log,
            }
        )
        self._thread = threading.Thread(target=self._serve, name="placing", daemon=True)
        self._thread.start()

    async def place(self, emit: Emit) -> Position:
        """Return when the brokers have it. Raises EmitRefused where they never will."""
        return await self._placed(emit, emit.value)

    async def take_back(self, topic: str, key: bytes) -> None:
        """Return when the brokers have a tombstone for this key. Raises EmitRefused."""
        await self._placed(Emit(topic, b"", key), None)

    async def _placed(self, emit: Emit, value: bytes | None) -> Position:
        while True:
            future: asyncio.Future[Position | None] = self._loop.create_future()
            try:
                self._produce(emit, value, future)
            except BufferError:
                await asyncio.sleep(_FULL_PAUSE_SECONDS)
                continue
            except KafkaException as exc:
                error: KafkaError = exc.args[0]
                if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    raise unproduced(error, emit.topic) from exc
                raise _refusal(error) from exc
            place = await future
            if place is not None:
                return place

    def _produce(
        self, emit: Emit, value: bytes | None, future: asyncio.Future[Position | None]
    ) -> None:
        def on_delivery(error: KafkaError | None, message: Message) -> None:
            place = Position(message.topic() or "", message.partition() or 0, message.offset() or 0)
            self._told.append((future, outcome_of(error, message), place))

        self._producer.produce(
            emit.topic,
            value,
            emit.key,
            emit.partition,
            on_delivery,
            headers=emit.headers,  # pyright: ignore[reportArgumentType] - a list of pairs of text and bytes
        )

    def _serve(self) -> None:
        while not self._closing:
            try:
                serve(self._producer)
            except SinkFailed as failed:
                self._loop.call_soon_threadsafe(self._on_failed, failed)
                return
            if self._told:
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        for _ in range(len(self._told)):
            future, error, place = self._told.popleft()
            if future.done():
                continue  # whoever waited was cancelled
            if error is None:
                future.set_result(place)
            elif error is UNPLACED:
                future.set_result(None)
            elif error.code() in REFUSED_FOR_GOOD:
                future.set_exception(_refusal(error))
            else:
                self._on_failed(unproduced(error, place.topic))

    async def close(self, *, wait_seconds: float) -> None:
        """Send what was given, for at most so long."""
        await asyncio.to_thread(self._producer.flush, wait_seconds)
        self._closing = True
        await asyncio.to_thread(self._thread.join)
        self._settle()


def _refusal(error: KafkaError) -> EmitRefused:
    return EmitRefused(error.str(), too_large=error.code() == KafkaError.MSG_SIZE_TOO_LARGE)
