"""The API's producer: acknowledged together, refused together, bounded while Kafka is away."""

import asyncio
import uuid

import pytest

from pipeline.accepting import NotPublished
from pipeline.adapters.kafka.cluster import Cluster, TopicToCreate
from pipeline.adapters.kafka.event_log import MOST_UNACKNOWLEDGED, KafkaEventLog
from pipeline.flow import Emit
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import read_all

NOBODY = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}


def fail(error: BaseException) -> None:
    raise AssertionError(error)


def make_topic(broker: SessionBroker, **config: str) -> str:
    topic = f"log-{uuid.uuid4().hex}"
    cluster = Cluster({"bootstrap.servers": broker.bootstrap_servers})
    cluster.create([TopicToCreate(topic, 1, 1, config)])
    return topic


async def test_whoever_waits_is_answered_once_all_of_his_records_are_there(broker: SessionBroker):
    topic = make_topic(broker)
    log = KafkaEventLog({"bootstrap.servers": broker.bootstrap_servers}, on_failed=fail)
    try:
        batches = [[Emit(topic, b"%d/%d" % (n, m), b"k") for m in range(20)] for n in range(50)]
        async with asyncio.TaskGroup() as tasks:
            for batch in batches:
                tasks.create_task(log.publish(batch))
        values = [value for _, _, value in read_all(broker.bootstrap_servers, topic)]
    finally:
        await log.close(wait_seconds=1)
    assert values == [record.value for batch in batches for record in batch]


async def test_a_record_that_kafka_refuses_fails_its_request_and_no_other(broker: SessionBroker):
    topic = make_topic(broker, **{"max.message.bytes": "2000"})
    log = KafkaEventLog(
        {"bootstrap.servers": broker.bootstrap_servers, "message.timeout.ms": 2_000}, on_failed=fail
    )
    try:
        await log.publish([Emit(topic, b"x")])
        with pytest.raises(NotPublished):
            await log.publish([Emit(topic, b"y" * 4000)])
        with pytest.raises(NotPublished):
            await log.publish([Emit("no-such-topic-here", b"y")])
        await log.publish([Emit(topic, b"z")])
    finally:
        await log.close(wait_seconds=1)
    assert [value for _, _, value in read_all(broker.bootstrap_servers, topic)] == [b"x", b"z"]


async def test_what_is_not_acknowledged_in_time_is_given_up_and_makes_room(broker: SessionBroker):
    log = KafkaEventLog({**NOBODY, "message.timeout.ms": 1_000}, on_failed=fail)
    records = [Emit("t", b"x")] * 1_000
    try:
        async with asyncio.TaskGroup() as tasks:
            waiting = [
                tasks.create_task(refusal(log, records))
                for _ in range(MOST_UNACKNOWLEDGED // len(records))
            ]
            await asyncio.sleep(0)  # they have begun
            assert "nothing more" in await refusal(log, records[:1])
        assert {"not acknowledged" in task.result() for task in waiting} == {True}
        # There is room again, so this one waits for its time as well.
        assert "not acknowledged" in await refusal(log, records)
    finally:
        await log.close(wait_seconds=0.1)


async def test_so_many_bytes_are_refused_too(broker: SessionBroker):
    log = KafkaEventLog({**NOBODY, "message.timeout.ms": 1_000}, on_failed=fail)
    records = [Emit("t", b"x" * (1 << 20))] * 16
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(refusal(log, records))
            await asyncio.sleep(0)  # they have begun
            assert "nothing more" in await refusal(log, records)
    finally:
        await log.close(wait_seconds=0.1)


async def test_a_request_that_is_cancelled_leaves_its_record_to_kafka(broker: SessionBroker):
    topic = make_topic(broker)
    log = KafkaEventLog({"bootstrap.servers": broker.bootstrap_servers}, on_failed=fail)
    try:
        publishing = asyncio.get_running_loop().create_task(log.publish([Emit(topic, b"x")]))
        await asyncio.sleep(0)  # it has produced
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        await log.publish([Emit(topic, b"y")])
    finally:
        await log.close(wait_seconds=1)
    assert [value for _, _, value in read_all(broker.bootstrap_servers, topic)] == [b"x", b"y"]


async def test_whoever_waits_at_the_end_is_told(broker: SessionBroker):
    log = KafkaEventLog(dict(NOBODY), on_failed=fail)
    publishing = asyncio.get_running_loop().create_task(refusal(log, [Emit("t", b"x")]))
    await asyncio.sleep(0)  # it has begun
    await log.close(wait_seconds=0.1)
    assert "ends" in await publishing


async def refusal(log: KafkaEventLog, records: list[Emit]) -> str:
    with pytest.raises(NotPublished) as refused:
        await log.publish(records)
    return str(refused.value)
