"""A commit that failed is told to whoever made it, so that it is made again."""

from __future__ import annotations

import uuid
from collections.abc import Generator

import pytest

from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.source import KafkaSource
from pipeline.engine.owned_partition import begin_at
from pipeline.engine.partitions import OwnedPartitions
from pipeline.flow import Partition, StartAt
from pipeline.ports import Progress
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import eventually

OF_NO_TOPIC = Progress(Partition("there-is-no-such-topic", 0), 7, None, "")


@pytest.fixture
def source(broker: SessionBroker) -> Generator[KafkaSource]:
    connection = {"bootstrap.servers": broker.bootstrap_servers}
    source = KafkaSource(connection, group=f"commits-{uuid.uuid4()}", member="one")
    yield source
    source.close()


def test_a_refused_commit_is_told_once_by_a_later_poll(source: KafkaSource) -> None:
    def is_told() -> bool:
        return source.poll(0.05, limit=10).commit_failed

    source.commit([OF_NO_TOPIC])
    eventually(is_told)
    assert not is_told()


def test_a_commit_that_was_taken_is_not_told(source: KafkaSource, broker: SessionBroker) -> None:
    topic = f"commits-{uuid.uuid4()}"
    cluster = Cluster({"bootstrap.servers": broker.bootstrap_servers})
    cluster.create([TopicToCreate(topic, 1, 1, {})])
    cluster.wait_for_leaders([topic])
    partition = Partition(topic, 0)
    told: list[bool] = []

    def is_there() -> bool:
        told.append(source.poll(0.05, limit=10).commit_failed)
        return source.committed([partition]).get(partition) == StartAt(partition, 0, "")

    eventually(lambda: source.commit_and_wait([Progress(partition, 0, None, "")]))
    source.commit([Progress(partition, 0, None, "")])
    eventually(is_there)
    for _ in range(5):
        is_there()
    assert not any(told)


def test_after_a_failure_all_that_is_owned_is_said_again_although_nothing_has_changed() -> None:
    owned = OwnedPartitions(lambda: None, now_ms=lambda: 1_000)
    partitions = [Partition("t", 0), Partition("t", 1)]
    for partition in partitions:
        owned.begin(begin_at(StartAt(partition, 5, "")))
    assert not owned.progress(partitions)
    owned.forget_committed()
    assert [(step.partition, step.offset) for step in owned.progress(partitions)] == [
        (partition, 5) for partition in partitions
    ]
    assert not owned.progress(partitions)
