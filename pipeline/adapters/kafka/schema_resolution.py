"""Whether what was written with one Avro schema can be read with another, and if not, where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

Schema = Any
"""A schema as it lies in its file: a name, a list (a union) or an object."""

_PROMOTED: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset(("long", "float", "double")),
    "long": frozenset(("float", "double")),
    "float": frozenset(("double",)),
    "string": frozenset(("bytes",)),
    "bytes": frozenset(("string",)),
}
"""By the Avro specification, "Schema Resolution"."""


def differences(writer: Schema, reader: Schema, *, at: str = "") -> Iterator[str]:
    """A line for each place that keeps a record from being read: the field, and why.

    Our schemas define each named type where it is used first and use it once, so names need not be
    looked up.
    """
    if isinstance(writer, list):
        for branch in cast("list[Schema]", writer):
            yield from differences(branch, reader, at=at)
    elif isinstance(reader, list):
        branches = cast("list[Schema]", reader)
        if all(any(differences(writer, branch, at=at)) for branch in branches):
            yield f"{at}: {_kind(writer)} is none of {[_kind(each) for each in branches]}"
    else:
        yield from _of_one_kind(writer, reader, at)


def _of_one_kind(writer: Schema, reader: Schema, at: str) -> Iterator[str]:
    its, wanted = _kind(writer), _kind(reader)
    if its == wanted:
        yield from _WITHIN.get(its, _nothing)(writer, reader, at)
    elif wanted not in _PROMOTED.get(its, ()):
        yield f"{at}: {its} cannot be read as {wanted}"


def _nothing(*_: object) -> Iterator[str]:
    yield from ()


def _of_enums(writer: Schema, reader: Schema, at: str) -> Iterator[str]:
    unknown = [each for each in writer["symbols"] if each not in reader["symbols"]]
    if unknown and "default" not in reader:
        yield f"{at}: {', '.join(unknown)} is none of {', '.join(reader['symbols'])}"


def _of_items(writer: Schema, reader: Schema, at: str) -> Iterator[str]:
    return differences(writer["items"], reader["items"], at=f"{at}[]")


def _of_values(writer: Schema, reader: Schema, at: str) -> Iterator[str]:
    return differences(writer["values"], reader["values"], at=f"{at}{{}}")


def _of_sizes(writer: Schema, reader: Schema, at: str) -> Iterator[str]:
    if writer["size"] != reader["size"]:
        yield f"{at}: {writer['size']} bytes are not {reader['size']}"


def _of_records(writer: Schema, reader: Schema, at: str) -> Iterator[str]:
    written = {field["name"]: field for field in cast("Sequence[Schema]", writer["fields"])}
    for field in cast("Sequence[Schema]", reader["fields"]):
        place = f"{at}.{field['name']}" if at else str(field["name"])
        if field["name"] in written:
            yield from differences(written[field["name"]]["type"], field["type"], at=place)
        elif "default" not in field:
            yield f"{place}: it is not written there, and has no default"


def _kind(schema: Schema) -> str:
    if isinstance(schema, dict):
        kind = cast("dict[str, Schema]", schema)["type"]
        return kind if isinstance(kind, str) else _kind(kind)
    return str(schema)


_WITHIN: Final[Mapping[str, Callable[[Schema, Schema, str], Iterator[str]]]] = {
    "record": _of_records,
    "enum": _of_enums,
    "array": _of_items,
    "map": _of_values,
    "fixed": _of_sizes,
}
