"""One kind of record in Avro's single-object encoding, by whichever released schema."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, Final, Generic, TypeVar, cast

from fastavro import (
    schemaless_reader,  # pyright: ignore[reportUnknownVariableType] - IO without its type
    schemaless_writer,  # pyright: ignore[reportUnknownVariableType] - IO without its type
)
from fastavro.read import SchemaResolutionError

from pipeline.adapters.kafka.avro_types import Classes
from pipeline.adapters.kafka.decoder_compiler import compile_decoder
from pipeline.adapters.kafka.schema_files import (
    HEADER_BYTES,
    MARKER,
    RecordSchemas,
    Schemas,
    SchemaVersion,
)
from pipeline.ports import Undecodable

T = TypeVar("T")

_SHOWN_BYTES: Final = 4


class NewerVersion(Undecodable):
    """A newer version has written it; where this one may not go on without it, it has to end."""


class RecordFormat(Generic[T]):
    """Decodes one kind of record; `T` is its NamedTuple, or a dict with the schema's names.

    A record of another version becomes one of ours first, by Avro's schema resolution.
    """

    def __init__(
        self, schemas: RecordSchemas, classes: Classes, *, kinds: Mapping[bytes, str]
    ) -> None:
        self.written = schemas.written
        self._kinds = kinds
        self._decode: Callable[[bytes, int], T] = compile_decoder(schemas.written.declared, classes)
        self._others = {
            version.header: (version, compile_decoder(version.declared, {}))
            for version in schemas.others
        }

    def decode(self, record: bytes) -> T:
        """Raises Undecodable: it is not exactly one record of this kind."""
        if record[:HEADER_BYTES] != self.written.header:
            record = self._as_ours(record)
        try:
            return self._decode(record, HEADER_BYTES)
        except (IndexError, ValueError, struct.error) as exc:
            raise Undecodable(f"not a whole {self.written.record_name} record: {exc}") from exc

    def _as_ours(self, record: bytes) -> bytes:
        if record[:HEADER_BYTES] not in self._others:
            why = self._why_unknown(record)
            raise NewerVersion(why) if self._is_newer(record) else Undecodable(why)
        version, decode = self._others[record[:HEADER_BYTES]]
        try:
            # fastavro believes lengths and counts, so it only sees what has been read once.
            decode(record, HEADER_BYTES)
            fields = schemaless_reader(
                BytesIO(record[HEADER_BYTES:]),
                cast("dict[str, Any]", version.plain),
                cast("dict[str, Any]", self.written.plain),
            )
        except (IndexError, ValueError, struct.error, SchemaResolutionError) as exc:
            raise Undecodable(
                f"not a whole {self.written.record_name} record of its version: {exc}"
            ) from exc
        return write_record(self.written, cast("dict[str, Any]", fields))

    def _is_newer(self, record: bytes) -> bool:
        has_fingerprint = record.startswith(MARKER) and len(record) >= HEADER_BYTES
        return has_fingerprint and record[:HEADER_BYTES] not in self._kinds

    def _why_unknown(self, record: bytes) -> str:
        wanted = self.written.record_name
        if not record.startswith(MARKER):
            shown = record[:_SHOWN_BYTES].hex(" ") or "nothing"
            return f"not a {wanted} record: it begins with {shown} instead of c3 01"
        if len(record) < HEADER_BYTES:
            return f"not a {wanted} record: it ends within the schema's fingerprint"
        kind = self._kinds.get(record[:HEADER_BYTES])
        if kind is not None:
            return f"a {kind} record where a {wanted} record belongs"
        fingerprint = record[len(MARKER) : HEADER_BYTES].hex()
        return (
            f"written with the schema {fingerprint}, which this version does not have: "
            "a newer version may have written it"
        )


def kinds_of(schemas: Schemas) -> Mapping[bytes, str]:
    """What kind of record begins with which header."""

    def versions() -> Iterable[SchemaVersion]:
        for record in schemas.values():
            yield from (record.written, *record.others)

    return {version.header: version.record_name for version in versions()}


def write_record(version: SchemaVersion, fields: Mapping[str, Any]) -> bytes:
    """A record of fields by the schema's names, in raw numbers."""
    record = BytesIO()
    record.write(version.header)
    schemaless_writer(record, cast("dict[str, Any]", version.plain), fields)
    return record.getvalue()
