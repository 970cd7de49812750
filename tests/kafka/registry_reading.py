"""Reading records with a schema registry, as the router does, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from typing import Any, Final

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.event_mapping import EventMapping, FieldOf, Fixed
from pipeline.adapters.kafka.schema_loading import SchemaLoading
from pipeline.adapters.kafka.schema_registry import SchemaRegistry
from pipeline.adapters.kafka.source_formats import SourceFormat, SourceReading
from pipeline.adapters.kafka.writer_schemas import WriterSchemas
from pipeline.domain.event import Event
from pipeline.engine.tasks import Tasks
from pipeline.flow import Partition, Record
from tests.kafka.record_values import SCHEMAS
from tests.kafka.registry_server import CONTACT, avro

TOPIC: Final = "crm.contacts"
WRITTEN_MS: Final = 1_772_449_200_123
ADA: Final = avro(CONTACT, {"tenant": "shop", "id": 7, "changed_at": WRITTEN_MS, "name": "Ada"})
MAPPING: Final = EventMapping(
    account=FieldOf(("tenant",)),
    type=Fixed("contact.changed"),
    subject=FieldOf(("id",)),
    time=FieldOf(("changed_at",)),
)
NO_HEADERS: Final[list[tuple[str, bytes | None]]] = []


def record_of(
    value: bytes, headers: list[tuple[str, bytes | None]] = NO_HEADERS, topic: str = TOPIC
) -> Record:
    return Record(Partition(topic, 1), 7, None, value, WRITTEN_MS, headers or None)


class Reader:
    """A codec, and what loads the schemas that it needs."""

    def __init__(self, client: SchemaRegistry, tasks: Tasks) -> None:
        self.schemas = WriterSchemas()
        sources = {
            TOPIC: SourceReading(SourceFormat.REGISTRY, MAPPING),
            "plain": SourceReading(SourceFormat.JSON),
            "any": SourceReading(SourceFormat.AUTO),
        }
        self.codec = RecordCodec(SCHEMAS, sources, writer_schemas=self.schemas)
        self.loading = SchemaLoading(
            client, self.schemas, self.codec.missing_schema, start=tasks.start
        )

    async def event(self, value: bytes, **given: Any) -> Event:
        record = record_of(value, **given)
        async with asyncio.timeout(20):
            await self.loading.wait_admitted(record)
        return self.codec.decode_event(record)


@asynccontextmanager
async def reading(address: str) -> AsyncGenerator[Reader]:
    def fail(error: BaseException) -> None:
        raise error

    tasks = Tasks(fail)
    with closing(SchemaRegistry(address)) as client:
        try:
            yield Reader(client, tasks)
        finally:
            await tasks.close()
