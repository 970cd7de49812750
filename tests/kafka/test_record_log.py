"""Single records by their place, against a real broker."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from confluent_kafka import Producer

from pipeline.adapters.kafka.log_deletion import KafkaLogs
from pipeline.adapters.kafka.record_log import KafkaRecordLog
from pipeline.domain.delivery import Position
from pipeline.flow import Partition
from pipeline.ports import LogsUnavailable
from tests.kafka.broker_clients import make_topic
from tests.kafka_broker import SessionBroker

RECORDS = 200


@pytest.fixture(scope="module")
def topic(broker: SessionBroker) -> str:
    """Its records hold their offsets."""
    name = f"t{uuid.uuid4().hex[:10]}"
    make_topic(broker.bootstrap_servers, name)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    for number in range(RECORDS):
        producer.produce(name, b"%d " % number * 2_000, partition=0)
    assert producer.flush(30) == 0
    return name


@pytest.fixture(scope="module")
def log(broker: SessionBroker) -> Generator[KafkaRecordLog]:
    opened = KafkaRecordLog({"bootstrap.servers": broker.bootstrap_servers})
    yield opened
    opened.close()


def read(log: KafkaRecordLog, topic: str, offset: int) -> int | None:
    """What the record says that its offset is."""
    value = log.read(Position(topic, 0, offset))
    return None if value is None else int(value.split()[0])


def test_each_record_is_read_in_any_order_and_by_several_at_once(log: KafkaRecordLog, topic: str):
    wanted = [199, 0, 7, 6, 7, 150, 0, 198, 3] * 3
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(partial(read, log, topic), wanted)) == wanted


def test_what_was_never_there_is_not_found(log: KafkaRecordLog, topic: str):
    assert read(log, topic, RECORDS) is None
    assert read(log, topic, RECORDS + 1_000) is None
    assert log.read(Position(topic, 99, 0)) is None
    assert log.read(Position(f"{topic}-never", 0, 0)) is None
    assert read(log, topic, 1) == 1


def test_what_was_deleted_is_not_found_at_once(
    broker: SessionBroker, log: KafkaRecordLog, topic: str
):
    assert read(log, topic, 99) == 99
    KafkaLogs({"bootstrap.servers": broker.bootstrap_servers}).delete({Partition(topic, 0): 100})
    assert read(log, topic, 99) is None
    assert read(log, topic, 100) == 100


def test_brokers_that_do_not_answer_are_told_from_a_record_that_is_gone():
    log = KafkaRecordLog({"bootstrap.servers": "127.0.0.1:9", "log_level": 0}, read_seconds=0.5)
    try:
        with pytest.raises(LogsUnavailable):
            log.read(Position("any", 0, 0))
    finally:
        log.close()
