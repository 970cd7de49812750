"""An endpoint is removed while its sender is away, and in the end even its removal is forgotten."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from tests.faults.kafka_nodes import KafkaNode, new_cluster_id, single_node
from tests.faults.whereabouts import whereabouts
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

ACCOUNT = "stale"
GONE_OWN = "gone-own"
GONE, STAYS = "hangs", "fast14"
"""In the shared topic both have the same partition (murmur2, of 8)."""
SOON = {
    "delete.retention.ms": "1",
    "max.compaction.lag.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "segment.bytes": str(1 << 20),
}
"""What takes weeks elsewhere: a removal is compacted away, and so is what says so."""


@pytest.fixture
def tidy_node(tmp_path: Path) -> Generator[KafkaNode]:
    often = {"log.cleaner.backoff.ms": "100"}
    node = single_node(tmp_path / "broker", before=(), settings=often)
    node.format(new_cluster_id())
    try:
        node.start()
        node.wait_until_ready()
        yield node
    finally:
        node.stop()


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(180)
def test_nothing_is_sent_to_an_endpoint_whose_removal_nobody_remembers_and_others_go_on(
    tidy_node: KafkaNode, receiver: Receiver, tmp_path: Path
) -> None:
    servers = tidy_node.listeners.bootstrap_servers
    with running_pipeline(servers, tmp_path / "pipeline") as pipeline:
        endpoints = _put_endpoints(pipeline, receiver)
        pipeline.run("router", "sender")
        _publish(pipeline, 0, 10)
        receiver.wait_for(30)
        pipeline.stop("sender")
        _publish(pipeline, 10, 20)
        for gone in (GONE, GONE_OWN):
            _written(pipeline, endpoints[gone].topic, gone, 20)
            pipeline.put_endpoint(replace(endpoints[gone], status=EndpointStatus.REMOVED))
        pipeline.stop("router")
        _forget(pipeline, endpoints)

        pipeline.run("router", "sender")
        _publish(pipeline, 20, 30)
        receiver.wait_for(30, path=f"/{STAYS}")
        pipeline.stop("sender")
        pipeline.run("sender")
        _publish(pipeline, 30, 40)
        receiver.wait_for(40, path=f"/{STAYS}")
        # Of the removed ones what was routed before waits for somebody who knows them.
        sent = {(name, n) for name in (GONE, GONE_OWN) for n in range(20)}
        found = whereabouts(pipeline, receiver, sent | {(STAYS, n) for n in range(40)})
        waiting = {(name, n) for name in (GONE, GONE_OWN) for n in range(10, 20)}
        assert found.missing == set(), str(found)
        assert found.repeats == 0, str(found)
        assert found.dead == {}
        assert found.waiting >= waiting
        assert not waiting & set(found.accepted)


def _put_endpoints(pipeline: RunningPipeline, receiver: Receiver) -> dict[str, Endpoint]:
    pipeline.put_account(Account(ACCOUNT, "twelve-twenty"))
    shared = pipeline.topology.shared_delivery
    return {
        name: pipeline.put_endpoint(
            Endpoint(name, ACCOUNT, "twelve-twenty", topic, url=receiver.url(f"/{name}"))
        )
        for name, topic in ((GONE_OWN, ""), (GONE, shared), (STAYS, shared))
    }


def _publish(pipeline: RunningPipeline, first: int, end: int) -> None:
    pipeline.publish(
        {"account": ACCOUNT, "type": "made", "id": f"s{n}", "data": {"n": n}}
        for n in range(first, end)
    )


def _written(pipeline: RunningPipeline, topic: str, endpoint: str, count: int) -> None:
    eventually(lambda: [d.endpoint for d in pipeline.deliveries(topic)].count(endpoint) == count)


def _forget(pipeline: RunningPipeline, endpoints: dict[str, Endpoint]) -> None:
    """Tombstones for the removed ones, and compaction until nothing of them is left."""
    table = pipeline.topology.endpoints
    for gone in (GONE, GONE_OWN):
        pipeline.producer.produce(table, None, gone.encode())
    Cluster(pipeline.connection).change_settings({table: SOON})
    stays = replace(endpoints[STAYS], description="d" * 300_000)

    def is_forgotten() -> bool:
        # Only what lies before the newest segment is compacted: the table goes on.
        pipeline.put_endpoint(stays)
        return _keys(pipeline, table) == {STAYS.encode()}

    eventually(is_forgotten, seconds=60, text=lambda: str(_keys(pipeline, table)))


def _keys(pipeline: RunningPipeline, table: str) -> set[bytes]:
    """Of everything that the table holds, tombstones included."""
    reader = Consumer(
        {
            **pipeline.connection,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    found: set[bytes] = set()
    try:
        reader.assign([TopicPartition(table, 0, 0)])
        while (message := reader.poll(10.0)) is not None and message.error() is None:
            key = message.key()
            assert isinstance(key, bytes)
            found.add(key)
    finally:
        reader.close()
    return found
