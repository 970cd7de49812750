"""From an Avro schema to a function that decodes its records, and refuses whatever is not one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
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

_READERS: Final = {
    "read_count": avro_bytes.read_count,
    "read_int": avro_bytes.read_int,
    "read_length": avro_bytes.read_length,
    "read_long": avro_bytes.read_long,
    "read_microseconds": avro_bytes.read_microseconds,
    "read_milliseconds": avro_bytes.read_milliseconds,
    "unpack_double": avro_bytes.unpack_double,
    "unpack_float": avro_bytes.unpack_float,
}
_FLOAT_BYTES: Final = {"float": 4, "double": 8}


def compile_decoder(schema: Schema, classes: Classes) -> Callable[[bytes, int], Any]:
    """A function of a record and the position where its fields begin.

    It answers the NamedTuple of `classes`, or a dict with the schema's names where there is none.
    On what is not exactly such a record it raises IndexError, ValueError or struct.error. Its
    memory is bounded by the record's length: it believes no length and no count that is longer.

    Raises:
        UnusableSchemas: the schema has what no schema of ours has, or does not match its class.
    """
    compiler = _Decoder(classes)
    result = compiler.read(schema)
    ending = (
        "if i != len(v): raise ValueError(f'{i} bytes expected, {len(v)} there')",
        f"return {result}",
    )
    return make_function("v, i", (*compiler.lines, *ending), compiler.names)


class _Decoder:
    """Writes lines that read from `v` at `i`; each `read` answers the expression of what it read.

    `n` and `j` are of use within a few lines only; whatever lives longer has a variable of its own.
    """

    def __init__(self, classes: Classes) -> None:
        self.lines: list[str] = []
        self.names: dict[str, object] = dict(_READERS)
        self._classes = classes
        self._types = KnownTypes()
        self._indent = ""
        self._variables = 0

    def read(self, declared: object) -> str:
        resolved = self._types.resolve(declared)
        if isinstance(resolved, list):
            return self._read_union(resolved)
        if isinstance(resolved, str):
            return self._read_primitive(resolved)
        return self._read_parts(resolved)

    def _read_parts(self, schema: Schema) -> str:
        match schema["type"]:
            case "record":
                return self._read_record(schema)
            case "array":
                return self._read_array(schema["items"])
            case "map":
                return self._read_map(schema["values"])
            case "enum":
                return self._read_enum(schema)
            case kind:
                raise UnusableSchemas(f"type {kind!r} is not supported")

    def _read_primitive(self, kind: str) -> str:
        match kind:
            case "null":
                return "None"
            case "string":
                return self._read_sized(".decode()")
            case "bytes":
                return self._read_sized("")
            case _:
                return self._read_number(kind)

    def _read_sized(self, conversion: str) -> str:
        target = self._variable()
        # A byte is all there is up to 63; with its lowest bit set it would be a negative length.
        # A slice beyond the end is short, and the position then lies beyond it: seen at the end.
        self._emit("n = v[i]", "if n & 129: n, i = read_length(v, i)", "else:")
        self._emit("    n >>= 1", "    i += 1", "j = i + n")
        self._emit(f"{target} = v[i:j]{conversion}", "i = j")
        return target

    def _read_number(self, kind: str) -> str:
        target = self._variable()
        match kind:
            case "int" | "long":
                self._emit("n = v[i]", f"if n & 129: {target}, i = read_{kind}(v, i)", "else:")
                self._emit(f"    {target} = n >> 1", "    i += 1")
            case "microseconds" | "milliseconds":
                self._emit(f"{target}, i = read_{kind}(v, i)")
            case "float" | "double":
                self._emit(f"{target} = unpack_{kind}(v, i)[0]", f"i += {_FLOAT_BYTES[kind]}")
            case "boolean":
                self._emit("n = v[i]", "if n > 1: raise ValueError('neither true nor false')")
                self._emit(f"{target} = n == 1", "i += 1")
            case _:
                raise UnusableSchemas(f"type {kind!r} is not supported")
        return target

    def _read_record(self, schema: Schema) -> str:
        read = {attribute_of(field): self.read(field["type"]) for field in fields_of(schema)}
        name = simple_name(schema)
        cls = self._classes.get(name)
        if cls is None:
            names = (str(field["name"]) for field in fields_of(schema))
            pairs = zip(names, read.values(), strict=True)
            return "{" + ", ".join(f"{name!r}: {value}" for name, value in pairs) + "}"
        self.names[f"class_{name}"] = cls
        values = (read[attribute] for attribute in attributes_of(cls, schema))
        return f"class_{name}({', '.join(values)})"

    def _read_union(self, branches: list[object]) -> str:
        target = self._variable()
        self._emit("n = v[i]", "i += 1")
        for index, branch in enumerate(branches):
            self._emit(f"{'elif' if index else 'if'} n == {2 * index}:")
            with self._inside():
                self._emit(f"{target} = {self.read(branch)}")
        self._emit("else: raise ValueError('no such branch')")
        return target

    def _read_array(self, items: object) -> str:
        target = self._variable()
        self._emit(f"{target} = []")
        with self._blocks(items):
            self._emit(f"{target}.append({self.read(items)})")
        return target

    def _read_map(self, values: object) -> str:
        target = self._variable()
        self._emit(f"{target} = {{}}")
        with self._blocks(values):
            key = self._read_sized(".decode()")
            self._emit(f"{target}[{key}] = {self.read(values)}")
        return target

    @contextmanager
    def _blocks(self, items: object) -> Generator[None]:
        if self._types.resolve(items) == "null":
            raise UnusableSchemas("items that take no bytes are not supported")
        count = self._variable()
        self._emit("if not v[i]: i += 1", "else:")
        with self._inside():
            self._emit(f"{count}, i = read_count(v, i)", f"while {count}:")
            with self._inside():
                self._emit(f"for _ in range({count}):")
                with self._inside():
                    yield
                self._emit(f"{count}, i = read_count(v, i)")

    def _read_enum(self, schema: Schema) -> str:
        target, symbols = self._variable(), f"symbols_{simple_name(schema)}"
        self.names[symbols] = tuple(cast("list[str]", schema["symbols"]))
        self._emit("n, i = read_int(v, i)", "if n < 0: raise ValueError('no such symbol')")
        self._emit(f"{target} = {symbols}[n]")
        return target

    @contextmanager
    def _inside(self) -> Generator[None]:
        self._indent += "    "
        yield
        self._indent = self._indent[4:]

    def _variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

    def _emit(self, *lines: str) -> None:
        self.lines += [self._indent + line for line in lines]
