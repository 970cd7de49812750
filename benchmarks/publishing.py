"""Publishes records as fast as a bounded backlog allows, and watches them arrive."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from benchmarks.children import BenchmarkFailed
from benchmarks.events import SourceRecord
from benchmarks.rates import Sample
from benchmarks.receiving import RunningReceiver
from pipeline.adapters.kafka.sink import PRODUCER_SETTINGS

_PAUSE_SECONDS: Final = 0.025
_STALL_SECONDS: Final = 30.0
_MOST_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many deliveries may wait anywhere between the producer and the receiver."""

    most_deliveries: int | None
    """None: everything is published at once."""
    fan_out: int
    publish_seconds: float
    """After so long nothing more is published."""

    def room(self, published: int, received: int) -> int:
        """How many more events may be published."""
        if self.most_deliveries is None:
            return _MOST_AT_ONCE
        waiting = published * self.fan_out - received
        return min(max(self.most_deliveries - waiting, 0) // self.fan_out, _MOST_AT_ONCE)


class Watched(NamedTuple):
    """What was published, and how requests came meanwhile."""

    events: int
    samples: list[Sample]
    """Counted from 0."""


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
) -> Watched:
    """Publish, and return when as many requests have come as there must.

    Raises BenchmarkFailed: nothing came for 30 s, a record was not published, or whatever `check`
    raises.
    """
    before = receiver.received()
    samples = [Sample(time.monotonic(), 0)]
    last_progress = samples[0]
    stop_at = samples[0].at_seconds + backlog.publish_seconds
    published = 0
    is_publishing = True
    while is_publishing or samples[-1].received < published * backlog.fan_out:
        if is_publishing:
            count = backlog.room(published, samples[-1].received)
            for record in records[published : published + count]:
                publisher.publish(record)
            published = min(published + count, len(records))
            is_publishing = published < len(records) and samples[-1].at_seconds < stop_at
        publisher.serve()
        time.sleep(_PAUSE_SECONDS)
        samples.append(Sample(time.monotonic(), receiver.received() - before))
        last_progress = _progress(last_progress, samples[-1])
        check()
    publisher.flush()
    return Watched(published, samples)


def _progress(last: Sample, now: Sample) -> Sample:
    """The newest sample that had more than those before it."""
    if now.received > last.received:
        return now
    if now.at_seconds - last.at_seconds > _STALL_SECONDS:
        raise BenchmarkFailed(
            f"nothing came for {_STALL_SECONDS:g} s after {now.received} requests"
        )
    return last
