"""A little of everything a broker does, so that its Java machine sees the classes it needs."""

from __future__ import annotations

import time
from typing import Final

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_TIMEOUT_SECONDS: Final = 20.0
_TOPIC: Final = "rehearsal"


def rehearse(bootstrap_servers: str) -> None:
    """Create a topic, write to it, read it in a group, commit.

    Raises:
        KafkaException: the broker refused any of it, or was too slow.
    """
    client: dict[str, str | int | float | bool] = {
        "bootstrap.servers": bootstrap_servers,
        "log_level": 0,
    }
    admin = AdminClient(client)
    created = admin.create_topics(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its futures have no type
        [NewTopic(_TOPIC, 1, 1)], operation_timeout=_TIMEOUT_SECONDS
    )
    created[_TOPIC].result(_TIMEOUT_SECONDS)
    producer = Producer(client | {"enable.idempotence": True})
    producer.produce(_TOPIC, b"value", key=b"key")
    producer.flush(_TIMEOUT_SECONDS)
    consumer = Consumer(
        client
        | {
            "group.id": _TOPIC,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.subscribe([_TOPIC])
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while (message := consumer.poll(0.5)) is None or message.error():
            if time.monotonic() > deadline:
                raise KafkaException("the rehearsal's record did not come back")
        consumer.commit(asynchronous=False)
    finally:
        consumer.close()
