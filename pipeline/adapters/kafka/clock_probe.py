"""How far the brokers' clock is from this machine's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message, Producer

from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable

librdkafka_log = logging.getLogger("librdkafka")

PROBE_KEY: Final = b"doctor/clock"
_ANSWER_SECONDS: Final = 10.0
_ROUNDS: Final = 3
"""The first one also connects; the quickest is the most exact."""


class ClockDifference(NamedTuple):
    """The brokers' time minus ours."""

    difference_ms: float
    uncertainty_ms: float
    """How far the truth may be from it, either way."""


def clock_difference(
    connection: Mapping[str, str | int | bool], topic: str, *, now_ms: Callable[[], int]
) -> ClockDifference | None:
    """Compare with what the broker notes as the time of a tombstone, under a key that nobody uses.

    `topic` must be a compacted one of ours, whose readers pass tombstones over. None if the topic
    does not keep the broker's time.

    Raises:
        KafkaUnreachable, KafkaRefused: the tombstone could not be written.
    """
    producer = Producer(
        {
            **connection,
            "linger.ms": 0,
            "message.timeout.ms": int(_ANSWER_SECONDS * 1000),
            "logger": librdkafka_log,
        }
    )
    best: ClockDifference | None = None
    for _ in range(_ROUNDS):
        before_ms = now_ms()
        appended_ms = _append(producer, topic)
        after_ms = now_ms()
        if appended_ms is None:
            return None
        uncertainty_ms = (after_ms - before_ms) / 2
        if best is None or uncertainty_ms < best.uncertainty_ms:
            best = ClockDifference(appended_ms - (before_ms + after_ms) / 2, uncertainty_ms)
    return best


def _append(producer: Producer, topic: str) -> int | None:
    reports: list[tuple[KafkaError | None, tuple[int, int]]] = []

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        reports.append((error, message.timestamp()))

    try:
        producer.produce(topic, None, PROBE_KEY, on_delivery=on_delivery)
    except KafkaException as exc:
        raise KafkaRefused(f"{topic} cannot be written to: {exc}") from exc
    producer.flush(_ANSWER_SECONDS)
    if not reports:
        raise KafkaUnreachable(f"{topic}: nothing was acknowledged in {_ANSWER_SECONDS:g} s")
    error, (kind, time_ms) = reports[0]
    if error is not None:
        raise KafkaRefused(f"{topic} cannot be written to: {error.str()}")
    return time_ms if kind == TIMESTAMP_LOG_APPEND_TIME else None
