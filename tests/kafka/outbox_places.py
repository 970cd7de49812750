"""A pipeline of its own on the session's broker, with a store of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Message, TopicPartition

from pipeline.api.outbox import Outbox
from pipeline.registry import OutboxRecord
from pipeline.settings import KafkaSettings, SecretsSettings, Settings
from pipeline.wiring.endpoint_changes import ChangeContext, change_context
from pipeline.wiring.outbox_publishing import opened_outbox
from pipeline.wiring.registry_adoption import TableSides

Log = list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]


def settings_of(bootstrap_servers: str, folder: Path, prefix: str | None = None) -> Settings:
    key = base64.b64encode(os.urandom(32)).decode()
    return Settings(
        data_dir=folder,
        kafka=KafkaSettings(
            bootstrap_servers=bootstrap_servers,
            topic_prefix=prefix or f"t{uuid.uuid4().hex[:12]}.",
        ),
        secrets=SecretsSettings.model_validate({"key": key}),
    )


@contextmanager
def opened_place(settings: Settings) -> Generator[ChangeContext]:
    """With the topics of the tables and of events."""
    context = change_context(settings)
    topology = context.topic_file.topology
    context.topics.create([*topology.tables, topology.events, topology.shared_delivery])
    yield context
    context.store.close()


@asynccontextmanager
async def running_outbox(sides: TableSides) -> AsyncGenerator[Outbox]:
    async with opened_outbox(sides) as outbox, asyncio.TaskGroup() as group:
        running = group.create_task(outbox.run())
        try:
            yield outbox
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def committed(sides: TableSides, *records: OutboxRecord) -> int:
    with sides.store.registry.writing() as writer:
        for record in records:
            writer.publish(record)
        return writer.sequence


def log_of(sides: TableSides, topic: str) -> Log:
    """Every record of a topic: key, value, headers."""
    consumer = Consumer(
        {**sides.connection, "group.id": "unused", "enable.auto.commit": False}  # no group is made
    )
    found: Log = []
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        for number in partitions:
            place = TopicPartition(topic, number, 0)
            end = consumer.get_watermark_offsets(place, timeout=10)[1]
            consumer.assign([place])
            messages: list[Message] = consumer.consume(end, timeout=10) if end else []
            assert len(messages) == end
            found += [_told(message) for message in messages]
    finally:
        consumer.close()
    return found


def _told(message: Message) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    key, value = message.key(), message.value()
    assert not isinstance(key, str)
    assert not isinstance(value, str)
    headers = [
        (name, content.encode() if isinstance(content, str) else content or b"")
        for name, content in message.headers() or []
    ]
    return key, value, headers
