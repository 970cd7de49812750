"""How far the tables are: never less than what was there when the question was asked."""

import asyncio
import uuid

import pytest
from confluent_kafka import Producer

from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.table_logs import KafkaTableLogs
from pipeline.domain.table_positions import read_positions
from tests.kafka_broker import SessionBroker


def make_tables(broker: SessionBroker) -> dict[str, str]:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    tables = {f"{prefix}{name}": name for name in ("accounts", "endpoints")}
    cluster = Cluster({"bootstrap.servers": broker.bootstrap_servers})
    cluster.create([TopicToCreate(topic, 1, 1, {"cleanup.policy": "compact"}) for topic in tables])
    return tables


async def test_what_was_acknowledged_before_the_question_is_in_the_answer(broker: SessionBroker):
    tables = make_tables(broker)
    topic = next(iter(tables))
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 0})
    logs = KafkaTableLogs({"bootstrap.servers": broker.bootstrap_servers}, tables)
    try:
        for number in range(200):
            producer.produce(topic, b"v", b"%d" % number)
            assert await asyncio.to_thread(producer.flush, 10) == 0
            ends = await logs.ends()
            assert ends.positions == {"accounts": number + 1, "endpoints": 0}
            assert read_positions(ends.header) == ends.positions
    finally:
        await logs.close()


async def test_those_who_ask_together_share_a_question(broker: SessionBroker):
    logs = KafkaTableLogs({"bootstrap.servers": broker.bootstrap_servers}, make_tables(broker))
    try:
        await logs.ends()
        answers = await asyncio.gather(*(logs.ends() for _ in range(500)))
    finally:
        await logs.close()
    # One that was about to begin, and at most one more.
    assert len({id(answer) for answer in answers}) <= 2


async def test_without_a_broker_the_question_waits_and_can_be_given_up(broker: SessionBroker):
    logs = KafkaTableLogs({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, {"t": "accounts"})
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await logs.ends()
    finally:
        await logs.close()
