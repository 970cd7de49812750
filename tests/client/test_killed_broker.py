"""A broker is killed while events are on their way, and comes back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.client.event import Event
from pipeline.client.kafka import EVENTS_TOPIC, Encoding, kafka_publisher
from pipeline.client.outlet import Limits
from tests.running_pipeline import eventually, read_all

PATIENT = Limits(give_up_seconds=100.0)


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_what_is_on_its_way_while_the_broker_is_killed_arrives_once_and_in_order(tmp_path: Path):
    kafka = EmbeddedKafka(tmp_path / "broker")
    try:
        servers = kafka.start()
        _make_topic(servers)
        events = [Event("shop", "made", number, subject="one") for number in range(3_000)]
        with kafka_publisher(servers, encoding=Encoding.JSON, limits=PATIENT) as publisher:
            publisher.publish_all(events[:1_000])
            futures = [publisher.send(event) for event in events[1_000:2_000]]
            _kill(kafka)
            futures += [publisher.send(event) for event in events[2_000:]]
            assert not futures[-1].done()
            kafka.start()
            publisher.flush()
        found = [Event.from_json(value).id for _, _, value in read_all(servers, EVENTS_TOPIC)]
        assert found == [event.id for event in events]
    finally:
        kafka.stop()


def _make_topic(bootstrap_servers: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    created = admin.create_topics(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its futures have no type
        [NewTopic(EVENTS_TOPIC, 1, 1)]
    )
    created[EVENTS_TOPIC].result(20)


def _kill(kafka: EmbeddedKafka) -> None:
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGKILL)
    eventually(lambda: kafka.poll() is not None)
