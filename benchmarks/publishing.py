"""Publishes records as fast as a bounded backlog allows, and watches them arrive."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from benchmarks.children import BenchmarkFailed
from benchmarks.events import SourceRecord
from benchmarks.rates import Sample
from benchmarks.receiving import RunningReceiver
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS

_PAUSE_SECONDS: Final = 0.01
_STALL_SECONDS: Final = 30.0
_MOST_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many deliveries may wait anywhere between the producer and the receiver."""

    most_deliveries: int | None
    """None: everything is published at once."""
    fan_out: int

    def room(self, published: int, received: int) -> int:
        """How many more events may be published."""
        if self.most_deliveries is None:
            return _MOST_AT_ONCE
        waiting = published * self.fan_out - received
        return min(max(self.most_deliveries - waiting, 0) // self.fan_out, _MOST_AT_ONCE)


class Publisher:
    """Publishes to one topic, as a producer in a service would: idempotent, acks=all."""

    def __init__(self, servers: str, topic: str, *, linger_ms: int = 5) -> None:
        self._topic = topic
        self._failure: str | None = None
        self._producer = Producer(
            {
                **PRODUCER_SETTINGS,
                "bootstrap.servers": servers,
                "linger.ms": linger_ms,
                "message.timeout.ms": 30_000,
                "on_delivery": self._on_delivery,
                "delivery.report.only.error": True,
                "logger": logging.getLogger("librdkafka"),
            }
        )

    def publish(self, record: SourceRecord) -> None:
        self._producer.produce(self._topic, record.value, record.key)

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


def publish_and_watch(
    publisher: Publisher,
    records: Sequence[SourceRecord],
    receiver: RunningReceiver,
    *,
    backlog: Backlog,
    check: Callable[[], None],
) -> list[Sample]:
    """Publish all; return when as many requests have come, with what was counted meanwhile.

    Counts begin at 0. Raises BenchmarkFailed: nothing came for 30 s, a record was not published, or
    whatever `check` raises.
    """
    before = receiver.received()
    wanted = len(records) * backlog.fan_out
    published = 0
    samples = [Sample(time.monotonic(), 0)]
    last_progress = samples[0]
    while samples[-1].received < wanted:
        count = backlog.room(published, samples[-1].received)
        for record in records[published : published + count]:
            publisher.publish(record)
        published = min(published + count, len(records))
        publisher.serve()
        time.sleep(_PAUSE_SECONDS)
        received = receiver.received() - before
        samples.append(Sample(time.monotonic(), received))
        if received > last_progress.received:
            last_progress = samples[-1]
        elif samples[-1].at_seconds - last_progress.at_seconds > _STALL_SECONDS:
            raise BenchmarkFailed(
                f"nothing came for {_STALL_SECONDS:g} s after {received} of {wanted} requests"
            )
        check()
    publisher.flush()
    return samples
