"""Publishes events as a producer in a service would: acks=all."""

from __future__ import annotations

import logging
import time
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from benchmarks.children import BenchmarkFailed
from benchmarks.events import SourceRecord
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS

_QUEUE_KIB: Final = 32 * 1024
"""So much is held here at most, whatever is still to come."""
_ROOM_SECONDS: Final = 30.0


class Publisher:
    """Publishes to one topic."""

    def __init__(self, servers: str, topic: str, *, linger_ms: int = 5) -> None:
        self._topic = topic
        self._failure: str | None = None
        self._producer = Producer(
            {
                **PRODUCER_SETTINGS,
                # An idempotent one's thread would take one of the two cores while it waits for an
                # answer (`topic_turns.py`), and this one is to be the least of the load.
                "enable.idempotence": False,
                "max.in.flight.requests.per.connection": 1,
                "bootstrap.servers": servers,
                "linger.ms": linger_ms,
                "message.timeout.ms": 30_000,
                "queue.buffering.max.kbytes": _QUEUE_KIB,
                "on_delivery": self._on_delivery,
                "delivery.report.only.error": True,
                "logger": logging.getLogger("librdkafka"),
            }
        )

    def publish(self, record: SourceRecord) -> None:
        """Waits for room where the brokers are behind. Raises BenchmarkFailed."""
        deadline = time.monotonic() + _ROOM_SECONDS
        while True:
            try:
                self._producer.produce(
                    self._topic, record.value, record.key, headers=record.headers
                )
            except BufferError:
                if time.monotonic() > deadline:
                    raise BenchmarkFailed(f"no event was taken for {_ROOM_SECONDS:g} s") from None
                self._producer.poll(0.01)
            else:
                return

    def serve(self) -> None:
        """Raise BenchmarkFailed where the brokers did not take a record."""
        self._producer.poll(0)
        if self._failure is not None:
            raise BenchmarkFailed(f"an event was not published: {self._failure}")

    def flush(self) -> None:
        """Return when the brokers have all of it. Raises BenchmarkFailed."""
        left = self._producer.flush(30)
        self.serve()
        if left:
            raise BenchmarkFailed(f"{left} events were not acknowledged within 30 s")

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failure = error.str()
