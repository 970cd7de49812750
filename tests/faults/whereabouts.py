"""Where every delivery of every endpoint is: accepted, dead or waiting, and never nowhere."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.domain.delivery import Delivery
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline

DEADLINE_SECONDS = 30.0

Expected = tuple[str, int]
"""An endpoint and the number in `data.n` of an event that it shall get."""


@dataclass(frozen=True)
class Whereabouts:
    sent: frozenset[Expected]
    accepted: Counter[Expected]
    """With how often: the first time is the delivery, all others are repeats."""
    dead: dict[Expected, str]
    """With the reason."""
    waiting: frozenset[Expected]
    """In a delivery topic or a tier, beyond what its group has committed."""

    @property
    def missing(self) -> set[Expected]:
        return set(self.sent) - set(self.accepted) - set(self.dead) - self.waiting

    @property
    def repeats(self) -> int:
        return self.accepted.total() - len(self.accepted)

    @property
    def adds_up(self) -> bool:
        """Each is in exactly one place, and nothing is there that was not sent."""
        places = [set(self.accepted), set(self.dead), set(self.waiting)]
        return set[Expected]().union(*places) == set(self.sent) and (
            sum(map(len, places)) == len(self.sent)
        )

    def __str__(self) -> str:
        return (
            f"{len(self.sent)} sent, {len(self.accepted)} accepted, {len(self.dead)} dead, "
            f"{len(self.waiting)} waiting, {self.repeats} repeats; missing: "
            f"{sorted(self.missing)[:20]}"
        )


def whereabouts(
    pipeline: RunningPipeline, receiver: Receiver, sent: Iterable[Expected]
) -> Whereabouts:
    """Fails if two ids were used for one delivery, or one id for two.

    Requests are told apart by their path, `/<endpoint>`. What moves meanwhile is seen twice rather
    than never: the places are looked at against the way that a delivery goes.
    """
    ids: dict[Expected, set[str]] = {}
    waiting = [_noted(delivery, ids) for delivery in _waiting(pipeline)]
    dead: dict[Expected, str] = {}
    for letter in pipeline.dead_letters():
        if letter.delivery is not None:
            dead[_noted(pipeline.codec.decode_delivery(letter.delivery), ids)] = letter.reason
    accepted: Counter[Expected] = Counter()
    for request in list(receiver.accepted):
        key = (request.path.removeprefix("/"), number_in(request.body))
        ids.setdefault(key, set()).add(request.webhook_id)
        accepted[key] += 1
    assert all(len(found) == 1 for found in ids.values()), "two ids for one delivery"
    assert len({next(iter(found)) for found in ids.values()}) == len(ids), "one id for two"
    return Whereabouts(frozenset(sent), accepted, dead, frozenset(waiting))


def number_in(body: bytes) -> int:
    """The event's own number, in the body that twelve-twenty sends."""
    return json.loads(body)["Data"]["n"]


def _noted(delivery: Delivery, ids: dict[Expected, set[str]]) -> Expected:
    key = (delivery.endpoint, number_in(delivery.body))
    ids.setdefault(key, set()).add(delivery.webhook_id)
    return key


def _waiting(pipeline: RunningPipeline) -> Iterator[Delivery]:
    topology = pipeline.topology
    there = Cluster(pipeline.connection).layout().topics
    own = [topic for topic in there if topology.endpoint_of(topic) is not None]
    tiers = [topology.retry(tier.name) for tier in pipeline.topic_file.tiers]
    for stage, topics in (("sender", [*own, topology.shared_delivery]), ("scheduler", tiers)):
        for value in _uncommitted(pipeline, topics, stage=stage):
            yield pipeline.codec.decode_delivery(value)


def _uncommitted(
    pipeline: RunningPipeline, topics: Sequence[str], *, stage: str
) -> Iterator[bytes]:
    """What lies beyond the offsets that the stage's group has committed."""
    reader = Consumer(
        {
            **pipeline.connection,
            "group.id": f"{pipeline.prefix}{stage}",  # its offsets are read; it is not joined
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        ends = dict(_unread(reader, topics))
        reader.assign([TopicPartition(*place, first) for place, (first, _) in ends.items()])
        deadline = time.monotonic() + DEADLINE_SECONDS
        while ends:
            assert time.monotonic() < deadline, f"{sorted(ends)} could not be read to the end"
            message = reader.poll(1.0)
            if message is None or message.error() is not None:
                continue
            place = (message.topic() or "", message.partition() or 0)
            value, offset = message.value(), message.offset() or 0
            if place not in ends:
                continue  # written after the end was asked for
            assert isinstance(value, bytes)
            yield value
            if offset + 1 >= ends[place][1]:
                del ends[place]
    finally:
        reader.close()


def _unread(
    reader: Consumer, topics: Sequence[str]
) -> Iterator[tuple[tuple[str, int], tuple[int, int]]]:
    """Topic and partition, with the first offset that is not committed and the end."""
    known = reader.list_topics(timeout=10).topics
    asked = [TopicPartition(topic, each) for topic in topics for each in known[topic].partitions]
    for found in reader.committed(asked, timeout=10):
        marks = reader.get_watermark_offsets(found, timeout=10)
        assert marks is not None
        first = max(found.offset, marks[0])
        if first < marks[1]:
            yield (found.topic, found.partition), (first, marks[1])
