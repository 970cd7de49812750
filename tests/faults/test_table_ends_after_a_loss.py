"""What the API asks of the brokers for every event is answered after one of three is lost."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka.admin import AdminClient

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.table_logs import KafkaTableLogs
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.topology import Topology
from pipeline.resources import TOPICS_FILE
from tests.faults.kafka_nodes import KafkaNode

ANSWER_SECONDS = 40.0
"""Another leader is chosen within some seconds; what is asked again comes after that."""


@pytest.mark.faults
@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_tables_ends_are_told_again_by_their_new_leaders(nodes: list[KafkaNode]) -> None:
    servers = ",".join(node.listeners.bootstrap_servers for node in nodes)
    topology = Topology("t.")
    connection: dict[str, str | int | bool] = {"bootstrap.servers": servers, "log_level": 0}
    await asyncio.to_thread(
        Topics(Cluster(connection), read_topic_file(TOPICS_FILE, topology)).apply
    )
    logs = KafkaTableLogs(
        connection, {topology.endpoints: "endpoints", topology.accounts: "accounts"}
    )
    try:
        before = await asyncio.wait_for(logs.ends(), ANSWER_SECONDS)
        found = AdminClient({**connection}).list_topics(timeout=10).topics[topology.endpoints]
        nodes[found.partitions[0].leader - 1].kill()
        assert await asyncio.wait_for(logs.ends(), ANSWER_SECONDS) == before
    finally:
        await logs.close()
