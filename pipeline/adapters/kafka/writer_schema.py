"""A producer's own Avro schema, and what records that were written with it say, as JSON."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from io import BytesIO
from typing import Any, Final, cast

import msgspec
from fastavro import (
    parse_schema,
    schemaless_reader,  # pyright: ignore[reportUnknownVariableType] - it does not say IO of what
)
from fastavro.schema import SchemaParseException, UnknownType

from pipeline.adapters.kafka.schema_guard import UnsafeSchema, check_schema
from pipeline.domain.event_values import MAX_DATA_BYTES
from pipeline.ports import Oversize, Undecodable

MAX_SCHEMA_BYTES: Final = 1024 * 1024
_MOST_LEVELS: Final = 100
_JSON: Final = msgspec.json.Decoder(Any)
_BROKEN: Final = (
    *(SchemaParseException, UnknownType, UnsafeSchema, RecursionError, ArithmeticError),
    *(TypeError, KeyError, ValueError, AttributeError, IndexError, msgspec.DecodeError),
)
_NOT_WHOLE: Final = (
    *(EOFError, IndexError, KeyError, TypeError, ValueError, ArithmeticError),
    *(struct.error, RecursionError),
)


class UnusableSchema(Exception):
    """Nothing can be read with it, now or later; the text says why."""


class WriterSchema:
    """One version of a producer's schema. Never changes, so it is kept as long as there is room."""

    __slots__ = ("_parsed",)

    def __init__(self, parsed: dict[str, Any]) -> None:
        self._parsed = parsed

    def json_of(self, content: bytes) -> bytes:
        """The record as JSON.

        Bytes become base64, times RFC 3339, decimals text with all their digits, NaN and the
        infinities null; of a union there is the value alone.

        Raises:
            Oversize: it has more than 1 MiB.
            Undecodable: it is not exactly one record of this schema.
        """
        if len(content) > MAX_DATA_BYTES:
            raise Oversize(f"data: {len(content)} bytes of Avro: at most {MAX_DATA_BYTES} are read")
        stream = BytesIO(content)
        try:
            value = cast("object", schemaless_reader(stream, self._parsed, None))
            text = msgspec.json.encode(value)
        except _NOT_WHOLE as exc:
            raise Undecodable(f"not a whole record of its schema: {_text_of(exc)}") from exc
        if rest := len(content) - stream.tell():
            raise Undecodable(f"not one record of its schema: {rest} bytes follow it")
        return text


def writer_schema(text: str, referred: Iterable[str] = ()) -> WriterSchema:
    """`referred` are the schemas that it names the types of, those first that others need.

    Takes a good part of a second for a large schema: for a thread. Raises UnusableSchema.
    """
    named: dict[str, Any] = {}
    try:
        for other in referred:
            parse_schema(_declared(other), named_schemas=named)
        parsed = parse_schema(_declared(text), named_schemas=named)
        check_schema(parsed, named)
    except _BROKEN as exc:
        raise UnusableSchema(f"it cannot be read with: {_text_of(exc)}") from exc
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise UnusableSchema("it is not the schema of a record")
    return WriterSchema(cast("dict[str, Any]", parsed))


def _declared(text: str) -> dict[str, Any]:
    declared = _JSON.decode(text)
    _check_levels(declared)
    return declared


def _check_levels(declared: object) -> None:
    level = [declared]
    for _ in range(_MOST_LEVELS):
        if not level:
            return
        level = [inner for outer in level for inner in _inner(outer)]
    raise UnsafeSchema(f"it is nested deeper than {_MOST_LEVELS} levels")


def _inner(outer: object) -> Iterable[object]:
    if isinstance(outer, dict):
        return cast("dict[str, object]", outer).values()
    return cast("list[object]", outer) if isinstance(outer, list) else ()


def _text_of(error: BaseException) -> str:
    return f"{error}"[:200] or type(error).__name__
