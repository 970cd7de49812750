"""Three brokers, and one that was behind is made leader: what was read is not there any more."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.faults.kafka_nodes import KafkaNode, running_nodes
from tests.faults.lost_end import (
    KEPT,
    LOST,
    NAME,
    check_held_until_told_to_go_on,
    deliver,
    is_held,
    later,
    put_endpoint,
)
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

UNCLEAN = {
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": "-1",
    "min.insync.replicas": "1",
    "unclean.leader.election.enable": "true",
}


@pytest.fixture
def nodes(tmp_path: Path) -> Generator[list[KafkaNode]]:
    # Without a majority they would not end politely.
    with running_nodes(tmp_path / "cluster", end=KafkaNode.kill) as running:
        yield running


@pytest.mark.faults
@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sender", ["is running", "is away"])
def test_what_an_unclean_election_cut_off_is_held_and_nothing_written_since_is_skipped(
    nodes: list[KafkaNode], receiver: Receiver, tmp_path: Path, sender: str
) -> None:
    servers = ",".join(node.listeners.bootstrap_servers for node in nodes)
    with running_pipeline(servers, tmp_path / "pipeline") as pipeline:
        topic = _make_topic(pipeline, nodes)
        put_endpoint(pipeline, receiver, topic=topic)
        pipeline.run("router", "sender")
        deliver(pipeline, receiver, 0, KEPT)
        behind, ahead = _kill_follower(pipeline, nodes, topic)
        deliver(pipeline, receiver, KEPT, KEPT + LOST)
        pipeline.stop("router")
        if sender == "is away":
            pipeline.stop("sender")
        ahead.kill()
        behind.start()
        behind.wait_until_ready()
        eventually(lambda: _leader(pipeline, topic) == behind.number, seconds=60)
        if sender == "is running":
            eventually(lambda: is_held(pipeline, topic), seconds=60)
        pipeline.run("router")
        later(pipeline, topic)
        if sender == "is away":
            pipeline.run("sender")
        check_held_until_told_to_go_on(pipeline, receiver, topic)


def _make_topic(pipeline: RunningPipeline, nodes: list[KafkaNode]) -> str:
    """On two of the three, so that the third keeps the controllers' majority."""
    topic = pipeline.topology.delivery(NAME)
    replicas = [nodes[0].number, nodes[1].number]
    new = NewTopic(topic, num_partitions=1, replica_assignment=[replicas], config=UNCLEAN)
    admin: Any = AdminClient({**pipeline.connection})  # it does not say what its futures hold
    admin.create_topics([new])[topic].result(30)
    eventually(lambda: _leader(pipeline, topic) > 0)
    return topic


def _kill_follower(
    pipeline: RunningPipeline, nodes: list[KafkaNode], topic: str
) -> tuple[KafkaNode, KafkaNode]:
    """From here on only the leader gets what is written. Answers the follower and the leader."""
    leader = _leader(pipeline, topic)
    (ahead,) = [node for node in nodes if node.number == leader]
    (behind,) = [node for node in nodes[:2] if node is not ahead]
    behind.kill()
    eventually(lambda: _in_sync(pipeline, topic) == [leader], seconds=60)
    return behind, ahead


def _leader(pipeline: RunningPipeline, topic: str) -> int:
    """Not above 0 where there is none, or not everybody knows it yet."""
    partitions = _partitions(pipeline, topic)
    return partitions[0].leader if partitions else -1


def _in_sync(pipeline: RunningPipeline, topic: str) -> list[int]:
    partitions = _partitions(pipeline, topic)
    return list(partitions[0].isrs) if partitions else []


def _partitions(pipeline: RunningPipeline, topic: str) -> dict[int, Any]:
    admin: Any = AdminClient({**pipeline.connection})  # nor what its metadata are
    return admin.list_topics(topic, timeout=10).topics[topic].partitions
