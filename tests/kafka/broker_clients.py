"""A client of a real broker, reduced to what a test of the broker itself needs."""

from __future__ import annotations

import time
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigEntry, ConfigResource  # types lie there only
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

DEADLINE_SECONDS: Final = 20.0


def make_topic(bootstrap_servers: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    created = admin.create_topics(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its futures have no type
        [NewTopic(topic, 1, 1)]
    )
    created[topic].result(DEADLINE_SECONDS)


def topics_at(bootstrap_servers: str) -> set[str]:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    return set(admin.list_topics(timeout=DEADLINE_SECONDS).topics)


def cluster_id_at(bootstrap_servers: str) -> str | None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    return admin.list_topics(timeout=DEADLINE_SECONDS).cluster_id


def broker_settings(bootstrap_servers: str) -> dict[str, str | None]:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    resource = ConfigResource(ResourceType.BROKER, "1")
    described = admin.describe_configs(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its futures have no type
        [resource]
    )
    entries = cast("dict[str, ConfigEntry]", described[resource].result(DEADLINE_SECONDS))
    return {name: entry.value for name, entry in entries.items()}


def write(bootstrap_servers: str, topic: str, *values: bytes) -> None:
    refused: list[KafkaError] = []

    def settled(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            refused.append(error)

    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "acks": "all", "message.max.bytes": 7_000_000}
    )
    for value in values:
        producer.produce(topic, value, on_delivery=settled)
    assert producer.flush(DEADLINE_SECONDS) == 0
    assert refused == []


def read(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
    """The first values, in a consumer group."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"readers of {topic}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    values: list[bytes] = []
    try:
        consumer.subscribe([topic])
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(values) < count and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None and not message.error():
                values.append(message.value() or b"")
    finally:
        consumer.close()
    return values
