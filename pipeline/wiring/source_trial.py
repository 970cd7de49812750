"""What records of a source topic become, tried out: nothing is written."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from pipeline.adapters.kafka.schema_registry import UnknownSchema
from pipeline.adapters.kafka.writer_schema import UnusableSchema
from pipeline.ports import Undecodable
from pipeline.wiring.configuration import record_codec
from pipeline.wiring.schema_reading import schema_registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.adapters.kafka.schema_registry import SchemaRegistry
    from pipeline.adapters.kafka.topic_file import TopicFile
    from pipeline.domain.event import Event
    from pipeline.flow import Record
    from pipeline.settings import Settings


def tried(settings: Settings, file: TopicFile, records: Iterable[Record]) -> Iterator[Event | str]:
    """The event that each becomes, as the router would make it, or why it is none.

    Raises RegistryAway, UnusableRegistry and UnusableSchemas.
    """
    codec, registry = record_codec(settings, file), schema_registry(settings)
    with ExitStack() as opened:
        if registry is not None:
            opened.enter_context(closing(registry))
        for record in records:
            if registry is not None:
                _load(record, codec, registry)
            try:
                yield codec.decode_event(record)
            except Undecodable as exc:
                yield str(exc)


def _load(record: Record, codec: RecordCodec, registry: SchemaRegistry) -> None:
    name = codec.missing_schema(record)
    if name is None or codec.writer_schemas is None:
        return
    try:
        found = registry.schema(name)
    except (UnknownSchema, UnusableSchema) as exc:
        codec.writer_schemas.keep(name, str(exc))
    else:
        codec.writer_schemas.keep(name, found)
