"""From an Avro schema and a NamedTuple to a function that encodes it, byte for byte as fastavro."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from pipeline.adapters.kafka import avro_bytes
from pipeline.adapters.kafka.avro_types import (
    Classes,
    KnownTypes,
    Schema,
    attribute_of,
    attributes_of,
    fields_of,
    make_function,
    simple_name,
)
from pipeline.adapters.kafka.schema_files import UnusableSchemas

_WRITERS: Final = {
    "SHORT": avro_bytes.SHORT,
    "pack_double": avro_bytes.pack_double,
    "pack_float": avro_bytes.pack_float,
    "write_array": avro_bytes.write_array,
    "write_bytes": avro_bytes.write_bytes,
    "write_long": avro_bytes.write_long,
    "write_map": avro_bytes.write_map,
    "write_microseconds": avro_bytes.write_microseconds,
    "write_string": avro_bytes.write_string,
}
_SIMPLE: Final = {
    "boolean": "(b'\\1' if {} else b'\\0')",
    "bytes": "write_bytes({})",
    "double": "pack_double({})",
    "float": "pack_float({})",
    "int": "write_long({})",
    "long": "write_long({})",
    "microseconds": "write_microseconds({})",
    "milliseconds": "write_long({})",
    "string": "write_string({})",
}
_NULL_FIRST: Final = 2


def compile_encoder(
    schema: Schema, classes: Classes, *, prefix: bytes = b""
) -> Callable[[Any], bytes]:
    """A function of the record's NamedTuple.

    It expects what the types promise; a text with half of a surrogate pair or a number that is too
    long raises ValueError.

    Raises:
        UnusableSchemas: the schema has what no schema of ours has, or does not match its class.
    """
    compiler = _Encoder(classes)
    pieces = compiler.pieces_of_record(schema)
    if prefix:
        compiler.names["PREFIX"] = prefix
        pieces.insert(0, "PREFIX")
    return make_function(
        "value", (*compiler.lines, f"return b''.join(({', '.join(pieces)},))"), compiler.names
    )


class _Encoder:
    """Writes the lines that come before, and the expressions of the pieces that are joined."""

    def __init__(self, classes: Classes) -> None:
        self.lines: list[str] = []
        self.names: dict[str, object] = dict(_WRITERS)
        self._classes = classes
        self._types = KnownTypes()
        self._variables = 0

    def pieces_of_record(self, schema: Schema) -> list[str]:
        """The record lies in `value`."""
        self._types.resolve(schema)
        variables = self._unpack(schema, "value")
        pieces: list[str] = []
        for field in fields_of(schema):
            pieces += self._pieces(field["type"], variables[attribute_of(field)])
        return pieces

    def _unpack(self, schema: Schema, value: str) -> dict[str, str]:
        cls = self._classes.get(simple_name(schema))
        if cls is None:
            raise UnusableSchemas(f"no class for the record {schema['name']}")
        variables = {attribute: self._variable() for attribute in attributes_of(cls, schema)}
        self.lines.append(f"({', '.join(variables.values())},) = {value}")
        return variables

    def _pieces(self, declared: object, variable: str) -> Sequence[str]:
        """What is there in every record is written without calls."""
        resolved = self._types.resolve(declared)
        if resolved == "string":
            self.lines.append(f"{variable} = {variable}.encode()")
            length = f"len({variable})"
            return [
                f"SHORT[{length}] if {length} < {len(avro_bytes.SHORT)} else write_long({length})",
                variable,
            ]
        if resolved == "bytes":
            return [f"write_long(len({variable}))", variable]
        if resolved == "int":
            is_short = f"0 <= {variable} < {len(avro_bytes.SHORT)}"
            return [f"SHORT[{variable}] if {is_short} else write_long({variable})"]
        if isinstance(resolved, dict) and resolved["type"] == "record":
            variables = self._unpack(resolved, variable)
            return [
                piece
                for field in fields_of(resolved)
                for piece in self._pieces(field["type"], variables[attribute_of(field)])
            ]
        return [self._expression(resolved, variable)]

    def _expression(self, declared: object, variable: str) -> str:
        resolved = self._types.resolve(declared)
        if isinstance(resolved, list):
            return self._optional(resolved, variable)
        if isinstance(resolved, str):
            if resolved not in _SIMPLE:
                raise UnusableSchemas(f"type {resolved!r} is not supported")
            return _SIMPLE[resolved].format(variable)
        item = self._variable()
        match resolved["type"]:
            case "array":
                inner = self._expression(resolved["items"], item)
                return f"write_array([{inner} for {item} in {variable}])"
            case "map":
                inner = self._expression(resolved["values"], item)
                pairs = f"[(k, {inner}) for k, {item} in {variable}.items()]"
                return f"(write_map({pairs}) if {variable} else b'\\0')"
            case "enum":
                name = f"symbols_{simple_name(resolved)}"
                symbols = cast("list[str]", resolved["symbols"])
                self.names[name] = {
                    symbol: avro_bytes.write_long(index) for index, symbol in enumerate(symbols)
                }
                return f"{name}[{variable}]"
            case "record":
                name = f"encode_{simple_name(resolved)}"
                self.names[name] = compile_encoder(resolved, self._classes)
                return f"{name}({variable})"
            case kind:
                raise UnusableSchemas(f"type {kind!r} is not supported")

    def _optional(self, branches: list[object], variable: str) -> str:
        if len(branches) != _NULL_FIRST or branches[0] != "null":
            raise UnusableSchemas("of the unions only [null, something] is supported")
        inner = self._expression(branches[1], variable)
        return f"(b'\\0' if {variable} is None else b'\\2' + {inner})"

    def _variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"
