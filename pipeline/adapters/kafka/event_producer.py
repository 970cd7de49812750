"""Produces events to one topic, and says of each what became of it, within a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.adapters.kafka.delivery_reports import outcome_of
from pipeline.adapters.kafka.served_producer import POLL_SECONDS, serve
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS, REFUSED_NOW
from pipeline.domain.delivery import Position
from pipeline.domain.unpublished import Fate, Unpublished
from pipeline.ports import SinkFailed

_librdkafka_log: Final = logging.getLogger("librdkafka")

OUR_OPTIONS: Final = frozenset(
    {
        *("acks", "request.required.acks", "enable.idempotence", "partitioner"),
        *("message.timeout.ms", "delivery.timeout.ms"),
    }
)
"""What the promises rest on: nobody sets these otherwise."""
GIVE_UP_SECONDS: Final = 30.0
"""An event that is not acknowledged by then may or may not be there; its publisher is told."""

_NEVER_SENT: Final = KafkaError._PURGE_QUEUE  # noqa: SLF001 - its public name

Settled = Callable[[Position | Unpublished], None]
"""Called once for each event, on a thread of the producer's: where it lies, or why it does not."""


class EventRecord(NamedTuple):
    """What is produced of an event."""

    key: bytes
    value: bytes


class EventProducer:
    """Idempotent, acknowledged by all; used by any thread.

    Raises:
        SinkFailed: librdkafka does not take the options; the text says which.
    """

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        topic: str,
        *,
        give_up_seconds: float = GIVE_UP_SECONDS,
    ) -> None:
        self._topic = topic
        self._last_error: str | None = None
        try:
            self._producer = Producer(
                {
                    **PRODUCER_SETTINGS,
                    "logger": _librdkafka_log,
                    **connection,
                    "message.timeout.ms": max(int(give_up_seconds * 1000), 1),
                    "error_cb": self._on_error,
                }
            )
        except KafkaException as exc:
            raise SinkFailed(exc.args[0].str()) from exc
        self._is_closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="acknowledgements", daemon=True)
        self._thread.start()

    def produce(self, record: EventRecord, settled: Settled) -> None:
        """Does not wait; `settled` is called once, at the latest when the time is over."""
        with self._closing:
            if self._is_closed:
                refused = Unpublished("the producer is closed", Fate.UNSENT)
            else:
                refused = self._refused(record, settled)
        if refused is not None:
            settled(refused)

    def close(self) -> None:
        """Gives up what is not acknowledged, so that all of it is settled, and ends."""
        with self._closing:
            self._is_closed = True
        self._producer.purge()
        self._producer.flush()
        self._thread.join()

    def _refused(self, record: EventRecord, settled: Settled) -> Unpublished | None:
        try:
            self._producer.produce(
                self._topic, record.value, record.key, on_delivery=self._telling(settled)
            )
        except KafkaException as exc:
            return self._unpublished(exc.args[0], Fate.UNSENT)
        except BufferError:
            return Unpublished("librdkafka's own buffer is full", Fate.UNSENT)
        return None

    def _telling(self, settled: Settled) -> Callable[[KafkaError | None, Message], None]:
        def on_delivery(error: KafkaError | None, message: Message) -> None:
            outcome = outcome_of(error, message)
            if outcome is None:
                place = (message.partition() or 0, message.offset() or 0)
                settled(Position(self._topic, *place))
            else:
                settled(self._unpublished(outcome, Fate.UNCERTAIN))

        return on_delivery

    def _unpublished(self, error: KafkaError, otherwise: Fate) -> Unpublished:
        if error.code() in REFUSED_NOW:
            return Unpublished(f"{self._topic}: {error.str()}", Fate.REFUSED)
        because = "" if self._last_error is None else f" ({self._last_error})"
        fate = Fate.UNSENT if error.code() == _NEVER_SENT else otherwise
        return Unpublished(f"{self._topic}: {error.str()}{because}", fate)

    def _on_error(self, error: KafkaError) -> None:
        self._last_error = error.str()

    def _serve(self) -> None:
        pause = threading.Event()
        while not self._is_closed:
            try:
                serve(self._producer)
            except SinkFailed as failed:
                # What was not produced is told afterwards, event by event.
                self._last_error = str(failed)
                pause.wait(POLL_SECONDS)
