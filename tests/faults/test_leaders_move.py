"""A client that has known the leaders of partitions, which then are others."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.adapters.kafka.log_deletion import KafkaLogs
from pipeline.flow import Partition
from pipeline.ports import LogsUnavailable
from tests.faults.kafka_nodes import REPLICAS, KafkaNode
from tests.running_pipeline import eventually

LOG = Partition("log", 0)


@pytest.mark.faults
@pytest.mark.soak
@pytest.mark.timeout(300)
def test_the_janitor_finds_the_new_leader_though_the_old_one_is_there_again(
    nodes: list[KafkaNode],
) -> None:
    servers = ",".join(node.listeners.bootstrap_servers for node in nodes)
    connection: dict[str, str | int | bool] = {"bootstrap.servers": servers, "log_level": 0}
    cluster = Cluster(connection)
    cluster.create([TopicToCreate(LOG.topic, 1, REPLICAS, {})])
    cluster.wait_for_leaders([LOG.topic])
    producer = Producer({**connection})
    for number in range(10):
        producer.produce(LOG.topic, str(number).encode())
    assert producer.flush(60) == 0
    logs, admin = KafkaLogs(connection), AdminClient({**connection})
    logs.delete({LOG: 1})
    first = _leader(admin)
    old = next(node for node in nodes if node.number == first)
    old.stop()
    eventually(lambda: _leader(admin) not in {first, -1}, seconds=60)
    old.start()
    old.wait_until_ready()
    assert _leader(admin) != first

    def deletes() -> bool:
        """Brokers that have just been elected may refuse for a moment."""
        try:
            logs.delete({LOG: 5})
        except LogsUnavailable:
            return False
        return True

    eventually(deletes, seconds=20)
    assert Inquiry(connection).bounds([LOG])[LOG].first == 5


def _leader(admin: AdminClient) -> int:
    return admin.list_topics(LOG.topic, timeout=10).topics[LOG.topic].partitions[0].leader
