"""The producers' schemas that are in memory, by the names that their records have for them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from pipeline.adapters.kafka.wire_format import SchemaName, is_registrys, written_of
from pipeline.adapters.kafka.writer_schema import WriterSchema
from pipeline.flow import Record
from pipeline.ports import Undecodable

MOST_KEPT: Final = 1_000


class WriterSchemas:
    """The one place where they are kept. Event loop only.

    A schema that was registered never changes. What the registry does not know may be registered
    later, so that is forgotten after a while (see `schema_loading.py`).
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[SchemaName, WriterSchema | str] = OrderedDict()

    def missing(self, record: Record) -> SchemaName | None:
        """The schema that a record cannot be read without, where it is not here."""
        value = record.value or b""
        if not is_registrys(value, record.headers):
            return None
        try:
            schema = written_of(value, record.headers).schema
        except Undecodable:
            return None  # nothing will make it readable
        return None if schema in self._kept else schema

    def keep(self, schema: SchemaName, found: WriterSchema | str) -> None:
        """`found` is a text where there is no such schema, or none that can be used: why."""
        self._kept[schema] = found
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def forget(self, schema: SchemaName) -> None:
        """To be asked for anew."""
        self._kept.pop(schema, None)

    def json_of(self, record: Record) -> bytes:
        """What the record says. Raises Undecodable, also where its schema is not here."""
        schema, content = written_of(record.value or b"", record.headers)
        found = self._kept.get(schema)
        if found is None:
            raise Undecodable(f"the schema with {schema} is not loaded")
        self._kept.move_to_end(schema)
        if isinstance(found, str):
            raise Undecodable(f"the schema with {schema}: {found}")
        return found.json_of(content)
