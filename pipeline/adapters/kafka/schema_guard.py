"""Whether a schema that somebody else wrote can be read with: no record of it may hurt the process.

fastavro believes what it reads. A type within itself makes it recurse in C, until the stack ends
and the process with it (seen, at some 5,000 levels); items that take no bytes let ten bytes stand
for a billion values. So such schemas are refused here, before any record is read with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

_VALUES_PER_BYTE: Final = 4
"""Of ordinary data: a number in a record in a record takes a byte at least."""
_MOST_FREE_VALUES: Final = 10_000
"""Of one record, beyond what its bytes account for."""
_MOST_FIXED_BYTES: Final = 1024 * 1024
_LEAST_BYTES: Final = {
    "null": 0,
    "boolean": 1,
    "int": 1,
    "long": 1,
    "float": 4,
    "double": 8,
    "bytes": 1,
    "string": 1,
}


class UnsafeSchema(Exception):
    """No record is read with it; the text says why."""


def check_schema(schema: object, named: Mapping[str, Any]) -> None:
    """`schema` as fastavro has parsed it, `named` its types by full name. Raises UnsafeSchema.

    A record of it of n bytes then has at most 4 n + 10,000 values.
    """
    if _Weighing(named).free_values(schema) > _MOST_FREE_VALUES:
        raise UnsafeSchema(f"a record could have {_MOST_FREE_VALUES} values in next to no bytes")


class _Weighing:
    """How many values there may be beyond `_VALUES_PER_BYTE` for each byte, at most."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._known: dict[str, int] = {}
        self._within: set[str] = set()

    def free_values(self, schema: object) -> int:
        if isinstance(schema, str):
            return self._of_name(schema)
        if isinstance(schema, list):
            branches = cast("list[object]", schema)
            return max(map(self.free_values, branches), default=0) - _VALUES_PER_BYTE
        if isinstance(schema, dict):
            return self._of_type(cast("dict[str, Any]", schema))
        raise UnsafeSchema("a type in it is neither a name nor an object nor a list")

    def _of_name(self, name: str) -> int:
        if name in _LEAST_BYTES:
            return 1 - _VALUES_PER_BYTE * _LEAST_BYTES[name]
        if name in self._within:
            raise UnsafeSchema(f"{name} contains itself, and such types are not read")
        if name not in self._known:
            if name not in self._named:
                raise UnsafeSchema(f"{name} is no type that it declares")
            self._within.add(name)
            self._known[name] = self._of_content(cast("dict[str, Any]", self._named[name]))
            self._within.remove(name)
        return self._known[name]

    def _of_type(self, schema: dict[str, Any]) -> int:
        kind = schema.get("type")
        if kind in {"record", "error", "enum", "fixed"}:
            return self._of_name(str(schema.get("name")))
        return self._of_content(schema)

    def _of_content(self, schema: dict[str, Any]) -> int:
        kind = schema.get("type")
        if kind == "array":
            return self._of_items(schema.get("items"))
        if kind == "map":
            return self._of_items([schema.get("values")])  # a key takes a byte, as a union does
        if kind in {"record", "error"}:
            return 1 + sum(self.free_values(field["type"]) for field in schema["fields"])
        if kind == "enum":
            return 1 - _VALUES_PER_BYTE
        if kind == "fixed":
            return 1 - _VALUES_PER_BYTE * _size_of(schema)
        if isinstance(kind, str) and kind in _LEAST_BYTES:
            return self._of_name(kind)
        raise UnsafeSchema(f"{str(kind)[:40]!r} is no type")

    def _of_items(self, items: object) -> int:
        if self.free_values(items) > 0:
            raise UnsafeSchema("items that take next to no bytes are not read")
        return 1 - _VALUES_PER_BYTE


def _size_of(schema: Mapping[str, Any]) -> int:
    size = schema.get("size")
    if not isinstance(size, int) or not 0 <= size <= _MOST_FIXED_BYTES:
        raise UnsafeSchema(f"a fixed type has 0 to {_MOST_FIXED_BYTES} bytes")
    return size
