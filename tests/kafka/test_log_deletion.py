"""The janitor on a real broker: what is finished goes, what is not committed stays."""

from __future__ import annotations

import uuid

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.log_deletion import KafkaLogs
from pipeline.domain.deletion import LogState, delete_before
from pipeline.stages.scheduler.janitor import Janitor, JanitorPorts, Kept
from pipeline.telemetry.tally import Tally
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import eventually

OFFSETS = st.integers(0, 50)


@given(OFFSETS, st.none() | OFFSETS, st.none() | OFFSETS)
def test_nothing_uncommitted_or_young_is_ever_deleted(
    first: int, committed: int | None, young: int | None
) -> None:
    bound = delete_before(LogState(first, committed, young))
    if bound is not None:
        assert committed is not None
        assert young is not None
        assert first < bound <= min(committed, young)


@pytest.fixture
def topic(broker: SessionBroker) -> str:
    name = f"janitor-{uuid.uuid4()}"
    cluster = Cluster({"bootstrap.servers": broker.bootstrap_servers})
    cluster.create([TopicToCreate(name, 1, 1, {})])
    cluster.wait_for_leaders([name])
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for number in range(10):
        producer.produce(name, str(number).encode())
    assert producer.flush(30) == 0
    return name


def commit(broker: SessionBroker, group: str, topic: str, offset: int) -> None:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": group})
    asked = [TopicPartition(topic, 0, offset)]

    def committed() -> bool:
        try:
            consumer.commit(offsets=asked, asynchronous=False)
        except KafkaException:
            return False  # a new broker's coordinator may still be loading
        return True

    eventually(committed)
    consumer.close()


def a_janitor(broker: SessionBroker, group: str, topic: str, *, kept_ms: int) -> Janitor:
    return Janitor(
        JanitorPorts(
            logs=KafkaLogs({"bootstrap.servers": broker.bootstrap_servers}),
            is_mine=lambda: True,
            kinds=(Kept(group, lambda: {topic: 1}, kept_ms),),
            tally=Tally(),
            now_ms=lambda: 4_000_000_000_000,
            round_seconds=60,
        )
    )


def first_offset(broker: SessionBroker, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "looks"})
    low, _ = consumer.get_watermark_offsets(TopicPartition(topic, 0), 10)
    consumer.close()
    return low


async def test_what_is_committed_and_old_is_deleted_and_the_rest_stays(
    broker: SessionBroker, topic: str
) -> None:
    commit(broker, topic, topic, 6)
    await a_janitor(broker, topic, topic, kept_ms=1).clean()
    assert first_offset(broker, topic) == 6


async def test_what_is_younger_than_what_is_kept_stays(broker: SessionBroker, topic: str) -> None:
    commit(broker, topic, topic, 6)
    await a_janitor(broker, topic, topic, kept_ms=4_000_000_000_000).clean()
    assert first_offset(broker, topic) == 0


async def test_a_group_that_never_committed_loses_nothing(
    broker: SessionBroker, topic: str
) -> None:
    await a_janitor(broker, f"never-{topic}", topic, kept_ms=0).clean()
    assert first_offset(broker, topic) == 0


async def test_a_topic_that_is_not_there_stops_no_other(broker: SessionBroker, topic: str) -> None:
    commit(broker, topic, topic, 3)
    janitor = Janitor(
        JanitorPorts(
            logs=KafkaLogs({"bootstrap.servers": broker.bootstrap_servers}),
            is_mine=lambda: True,
            kinds=(Kept(topic, lambda: {"not-there": 1, topic: 1}, 0),),
            tally=Tally(),
            now_ms=lambda: 0,
            round_seconds=60,
        )
    )
    await janitor.clean()
    assert first_offset(broker, topic) == 3
