"""Publishes events and reports their acknowledgements in the order in which they were given."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS
from pipeline.domain.delivery import Position

librdkafka_log = logging.getLogger("librdkafka")

GIVE_UP_SECONDS: Final = 30.0
"""An event that is not acknowledged by then may or may not be there; its publisher is told."""
MOST_UNACKNOWLEDGED: Final = 10_000
MOST_UNACKNOWLEDGED_BYTES: Final = 64 * 1024 * 1024
_POLL_SECONDS: Final = 0.1


@dataclass(slots=True)
class _Pending:
    event_id: str
    size_bytes: int
    position: Position | None = None
    error: str | None = None
    is_done: bool = False


class EventPublisher:
    """A producer for one topic, to be used by one thread as a context manager.

    `on_acknowledged` gets each event's id and place, in the order of `publish`, on a thread of
    the publisher's.
    Leaving the context waits for all acknowledgements and raises what `publish` raises.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        topic: str,
        *,
        on_acknowledged: Callable[[str, Position], None],
    ) -> None:
        self._topic = topic
        self._on_acknowledged = on_acknowledged
        self._pending: deque[_Pending] = deque()
        self._pending_bytes = 0
        self._changed = threading.Condition()
        self._failure: str | None = None
        self._closing = threading.Event()
        self._last_error: str | None = None
        self._producer = Producer(
            {
                **PRODUCER_SETTINGS,
                **connection,
                "message.timeout.ms": int(GIVE_UP_SECONDS * 1000),
                "error_cb": self._on_error,
                "logger": librdkafka_log,
            }
        )
        self._thread = threading.Thread(target=self._serve, name="acknowledgements", daemon=True)
        self._thread.start()

    def publish(self, event_id: str, key: bytes, value: bytes) -> None:
        """Produce; waits while too much is unacknowledged.

        Raises:
            KafkaUnreachable: an earlier event was not acknowledged in time.
            KafkaRefused: the brokers refused an earlier event, or refuse this one.
        """
        pending = _Pending(event_id, len(value))
        with self._changed:
            self._changed.wait_for(lambda: self._has_room or self._failure is not None)
            self._raise_failure()
            self._pending.append(pending)
            self._pending_bytes += pending.size_bytes
        try:
            self._producer.produce(self._topic, value, key, on_delivery=self._noting(pending))
        except KafkaException as exc:
            raise KafkaRefused(f"{self._topic}: {exc.args[0].str()}") from exc

    @property
    def _has_room(self) -> bool:
        return (
            len(self._pending) < MOST_UNACKNOWLEDGED
            and self._pending_bytes < MOST_UNACKNOWLEDGED_BYTES
        )

    def _noting(self, pending: _Pending) -> Callable[[KafkaError | None, Message], None]:
        def on_delivery(error: KafkaError | None, message: Message) -> None:
            pending.is_done = True
            if error is None:
                pending.position = Position(
                    self._topic, message.partition() or 0, message.offset() or 0
                )
            else:
                pending.error = error.str()

        return on_delivery

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_SECONDS)
            self._settle()

    def _settle(self) -> None:
        with self._changed:
            while self._pending and self._pending[0].is_done and self._failure is None:
                done = self._pending.popleft()
                self._pending_bytes -= done.size_bytes
                if done.position is None:
                    self._failure = done.error or "no answer"
                else:
                    self._on_acknowledged(done.event_id, done.position)
            self._changed.notify_all()

    def _on_error(self, error: KafkaError) -> None:
        self._last_error = error.str()

    def _raise_failure(self) -> None:
        if self._failure is None:
            return
        if self._last_error is not None:
            raise KafkaUnreachable(f"{self._topic}: {self._failure} ({self._last_error})")
        raise KafkaRefused(f"{self._topic}: {self._failure}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._changed:
                # librdkafka gives every record up by itself, so this ends.
                self._changed.wait_for(lambda: not self._pending or self._failure is not None)
                if kind is None:
                    self._raise_failure()
        finally:
            self._closing.set()
            self._thread.join()
            self._producer.purge()
