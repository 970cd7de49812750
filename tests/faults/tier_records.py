"""Deliveries that a test puts into a tier itself, as if a first attempt had failed."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.domain.delivery import Cause, Delivery, Position
from pipeline.domain.durations import parse_duration
from tests.running_pipeline import RunningPipeline


@dataclass(frozen=True)
class Waiting:
    """One that waits for its second attempt."""

    endpoint: str
    number: int
    due_at_ms: int
    filler: str = ""

    @property
    def delivery(self) -> Delivery:
        name = f"{self.endpoint}-{self.number}"
        return Delivery(
            delivery_id=f"dlv_{name}",
            webhook_id=f"msg_{name}",
            endpoint=self.endpoint,
            endpoint_version=0,
            attempt=2,
            first_attempt_at_ms=self.due_at_ms,
            due_at_ms=self.due_at_ms,
            parked=0,
            cause=Cause.EVENT,
            cause_id=None,
            account=self.endpoint,
            event_id=f"evt_{name}",
            event_type="made",
            subject=None,
            occurred_at_us=self.due_at_ms * 1_000,
            body=json.dumps({"Data": {"n": self.number, "x": self.filler}}).encode(),
            content_type="application/json",
            headers={},
            source=Position("events", 0, self.number),
        )


def put_in_tier(
    pipeline: RunningPipeline,
    tier: str,
    waiting: Iterable[Waiting],
    *,
    partition: int,
    due_at_ms: int | None = None,
) -> int:
    """Append them in order; answers how many bytes of keys and values these are.

    With `due_at_ms` their wait ends then: to be used within `times_of_producers`.
    """
    topic = pipeline.topology.retry(tier)
    timestamp_ms = 0 if due_at_ms is None else due_at_ms - parse_duration(tier)
    size_bytes = 0
    for each in waiting:
        key, value = each.endpoint.encode(), pipeline.codec.encode_delivery(each.delivery)
        size_bytes += len(key) + len(value)
        pipeline.producer.produce(topic, value, key, partition, timestamp=timestamp_ms)
        pipeline.producer.poll(0)
    assert pipeline.producer.flush(60) == 0
    return size_bytes


@contextmanager
def times_of_producers(pipeline: RunningPipeline, tiers: Iterable[str]) -> Generator[None]:
    """Meanwhile a record's time in these tiers is its producer's, not that of the append."""
    cluster = Cluster(pipeline.connection)
    topics = [pipeline.topology.retry(tier) for tier in tiers]
    setting = "message.timestamp.type"
    cluster.change_settings({topic: {setting: "CreateTime"} for topic in topics})
    try:
        yield
    finally:
        cluster.change_settings({topic: {setting: "LogAppendTime"} for topic in topics})
