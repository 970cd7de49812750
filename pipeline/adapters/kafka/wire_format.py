"""A schema registry's wire format: which schema a record was written with, and where it begins.

| where | what |
| --- | --- |
| header `__value_schema_id` | the bytes below, and the value is the record alone |
| value | `00` and an id of 4 bytes, or `01` and a GUID of 16; the record follows |

These are version 0 and 1 of the format that the serializers of Confluent's registry write, which
Apicurio's and Karapace's clients write too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from pipeline.ports import Undecodable

SCHEMA_HEADER: Final = "__value_schema_id"
_BY_ID: Final = b"\x00"
_BY_GUID: Final = b"\x01"
_ID_BYTES: Final = 4
_GUID_BYTES: Final = 16


class SchemaName(NamedTuple):
    """How the registry knows a schema; one of the two."""

    id: int | None = None
    guid: UUID | None = None

    def __str__(self) -> str:
        return f"id {self.id}" if self.guid is None else f"GUID {self.guid}"


class Written(NamedTuple):
    """A record, and the schema that it was written with."""

    schema: SchemaName
    content: bytes


def is_registrys(value: bytes, headers: Sequence[tuple[str, bytes | None]] | None) -> bool:
    """Whether a record says that it was written with a schema of a registry."""
    if value.startswith((_BY_ID, _BY_GUID)):
        return True
    return bool(headers) and any(name == SCHEMA_HEADER for name, _ in headers)


def written_of(value: bytes, headers: Sequence[tuple[str, bytes | None]] | None) -> Written:
    """What `is_registrys` has recognised. Raises Undecodable: it ends within the schema's name."""
    for name, told in headers or ():
        if name == SCHEMA_HEADER:
            schema, rest = _name_at(told or b"", SCHEMA_HEADER)
            if rest:
                raise Undecodable(f"the header {SCHEMA_HEADER} is {len(rest)} bytes too long")
            return Written(schema, value)
    return Written(*_name_at(value, "the record"))


def _name_at(content: bytes, place: str) -> tuple[SchemaName, bytes]:
    begin, rest = content[:1], content[1:]
    if begin == _BY_ID and len(rest) >= _ID_BYTES:
        return SchemaName(id=int.from_bytes(rest[:_ID_BYTES])), rest[_ID_BYTES:]
    if begin == _BY_GUID and len(rest) >= _GUID_BYTES:
        return SchemaName(guid=UUID(bytes=rest[:_GUID_BYTES])), rest[_GUID_BYTES:]
    raise Undecodable(f"{place} ends within the schema's id: 00 and 4 bytes, or 01 and 16")
