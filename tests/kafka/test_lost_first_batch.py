"""A producer's first batch that is lost although it is reported as delivered (KAFKA-15591).

`test_it_is_reported_as_delivered_and_is_not_there` shows the trap itself: once it fails, librdkafka
or the broker has mended it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from confluent_kafka import KafkaError, Message, Producer

from pipeline.accepting import NotPublished
from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.event_log import KafkaEventLog
from pipeline.adapters.kafka.event_producer import EventProducer, EventRecord
from pipeline.adapters.kafka.outbox_producer import OutboxProducer
from pipeline.adapters.kafka.placing import KafkaPlacing
from pipeline.adapters.kafka.sink import KafkaSink
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.domain.delivery import Position
from pipeline.domain.topology import Topology
from pipeline.domain.unpublished import Fate, Unpublished
from pipeline.flow import Emit
from pipeline.ports import EmitRefused, SinkFailed
from pipeline.publishing import Publication
from pipeline.resources import TOPICS_FILE
from tests.kafka.broker_clients import DEADLINE_SECONDS
from tests.kafka.refusing_proxy import RefusingProxy, refusing_proxy
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import eventually, read_all

FIRST = [b"first-%d" % number for number in range(4)]
"""With a fifth under way librdkafka waits for its answer before it sends the next batch."""
NEXT = b"next"


@dataclass(frozen=True)
class Place:
    """A new topic, and a proxy that refuses the first batch for it."""

    broker: str
    topic: str
    proxy: RefusingProxy

    @property
    def connection(self) -> dict[str, str | int | bool]:
        return {"bootstrap.servers": self.proxy.bootstrap_servers}

    def values(self) -> list[bytes]:
        return [value for _, _, value in read_all(self.broker, self.topic)]


@pytest.fixture
def place(broker: SessionBroker) -> Iterator[Place]:
    topic = f"first-batch-{uuid.uuid4()}"
    servers = broker.bootstrap_servers
    Cluster({"bootstrap.servers": servers}).create([TopicToCreate(topic, 1, 1, {})])
    with refusing_proxy(servers, topic) as proxy:
        yield Place(servers, topic, proxy)


def fail(error: BaseException) -> None:
    raise AssertionError(error)


async def the_first_came(place: Place) -> None:
    assert await asyncio.to_thread(place.proxy.first_came.wait, DEADLINE_SECONDS)


def test_it_is_reported_as_delivered_and_is_not_there(place: Place):
    reports: list[tuple[KafkaError | None, int | None]] = []

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        reports.append((error, message.offset()))

    producer = Producer({**place.connection, "enable.idempotence": True, "linger.ms": 0})
    producer.produce(place.topic, FIRST[0], on_delivery=on_delivery)
    assert place.proxy.first_came.wait(DEADLINE_SECONDS)
    producer.produce(place.topic, NEXT, on_delivery=on_delivery)
    assert producer.flush(DEADLINE_SECONDS) == 0
    assert sorted(reports, key=str) == [(None, 0), (None, None)]
    assert place.values() == [NEXT]


async def test_a_stage_writes_it_again(place: Place):
    sink = KafkaSink(place.connection, on_failed=fail)
    waiting = [asyncio.get_running_loop().create_future() for _ in (*FIRST, NEXT)]
    for value, future in zip(FIRST, waiting, strict=False):
        sink.send(Emit(place.topic, value), future.set_result)
    await the_first_came(place)
    sink.send(Emit(place.topic, NEXT), waiting[-1].set_result)
    async with asyncio.timeout(DEADLINE_SECONDS):
        refusals: list[EmitRefused | None] = await asyncio.gather(*waiting)
    assert refusals == [None] * len(waiting)
    assert await sink.close(wait_seconds=DEADLINE_SECONDS) == 0
    assert sorted(place.values()) == sorted([*FIRST, NEXT])
    assert place.values()[0] != FIRST[0], "the first came first: nothing was refused"


async def test_a_job_writes_it_again_and_knows_where_it_is(place: Place):
    placing = KafkaPlacing(place.connection, on_failed=fail)
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        first = group.create_task(placing.place(Emit(place.topic, FIRST[0])))
        await the_first_came(place)
        following = await placing.place(Emit(place.topic, NEXT))
    await placing.close(wait_seconds=DEADLINE_SECONDS)
    assert (following.offset, first.result().offset) == (0, 1)
    assert place.values() == [NEXT, FIRST[0]]


async def test_whoever_publishes_through_the_api_is_told_that_it_is_not(place: Place):
    log = KafkaEventLog(place.connection, on_failed=fail)

    async def refused() -> None:
        with pytest.raises(NotPublished, match="may be missing"):
            await log.publish([Emit(place.topic, FIRST[0])])

    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(refused())
        await the_first_came(place)
        await log.publish([Emit(place.topic, NEXT)])
    await log.close(wait_seconds=DEADLINE_SECONDS)


async def test_the_outbox_keeps_it_for_its_next_round(place: Place):
    producer = OutboxProducer(place.connection, read_topic_file(TOPICS_FILE, Topology("t.")))
    records = [Publication(place.topic, b"k", value, []) for value in (FIRST[0], NEXT)]

    async def refused() -> None:
        with pytest.raises(SinkFailed, match="may be missing"):
            await producer.publish(records[:1])

    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(refused())
        await the_first_came(place)
        assert await producer.publish(records[1:]) == [0]
    await asyncio.to_thread(producer.close)


def test_whoever_publishes_to_kafka_is_told_that_it_is_uncertain(place: Place):
    producer = EventProducer(place.connection, place.topic, give_up_seconds=DEADLINE_SECONDS)
    settled: list[Position | Unpublished] = []
    producer.produce(EventRecord(b"k", FIRST[0]), settled.append)
    assert place.proxy.first_came.wait(DEADLINE_SECONDS)
    producer.produce(EventRecord(b"k", NEXT), settled.append)
    eventually(lambda: len(settled) == 2)
    producer.close()
    assert Position(place.topic, 0, 0) in settled
    assert [one.fate for one in settled if isinstance(one, Unpublished)] == [Fate.UNCERTAIN]
