"""What the compilers of Avro encoders and decoders share: types, names, and making a function.

Generic Avro costs 7-9 microseconds a delivery each way, and every delivery is written and read at
least once. Straight-line Python, written from the schema when a process starts, costs a third and
checks more. It is made of names and numbers of our own schema files, never of a record's content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from pipeline.adapters.kafka.schema_files import UnusableSchemas

Schema = Mapping[str, Any]
Classes = Mapping[str, type[tuple[Any, ...]]]
"""The NamedTuple for each record's name."""

# Our types carry the unit in the name: `due_at` of a schema is `due_at_ms`.
_UNITS: Final = {"timestamp-millis": "_ms", "timestamp-micros": "_us"}
_TIMES: Final = {"_ms": "milliseconds", "_us": "microseconds"}


class KnownTypes:
    """Named types by their name, so that a schema can use one again."""

    def __init__(self) -> None:
        self._named: dict[str, Schema] = {}

    def resolve(self, declared: object) -> str | list[object] | Schema:
        """A primitive's name, a union's branches, or the schema of what has parts.

        A `long` that is a time is called `microseconds` or `milliseconds`.
        """
        if isinstance(declared, list):
            return cast("list[object]", declared)
        if not isinstance(declared, dict):
            name = str(declared)
            return self._named.get(name, name)
        schema = cast("Schema", declared)
        if "name" in schema:
            self._named[simple_name(schema)] = schema
            return schema
        if schema["type"] in ("array", "map"):
            return schema
        return _TIMES.get(_unit(schema)) or self.resolve(schema["type"])


def simple_name(schema: Schema) -> str:
    """The name of a record without its namespace."""
    return str(schema["name"]).rpartition(".")[2]


def fields_of(schema: Schema) -> Sequence[Schema]:
    """A record's fields. Raises UnusableSchemas if it has none: it would take no bytes."""
    fields = cast("Sequence[Schema]", schema["fields"])
    if not fields:
        raise UnusableSchemas(f"record {schema['name']} has no fields")
    return fields


def attribute_of(field: Schema) -> str:
    """What our NamedTuples call a field."""
    return str(field["name"]) + _unit(field["type"])


def attributes_of(cls: type[tuple[Any, ...]], schema: Schema) -> tuple[str, ...]:
    """The fields of a NamedTuple. Raises UnusableSchemas unless they are those of the schema."""
    attributes = cast("tuple[str, ...]", getattr(cls, "_fields", ()))
    declared = {attribute_of(field) for field in fields_of(schema)}
    if declared != set(attributes):
        different = ", ".join(sorted(declared ^ set(attributes)))
        raise UnusableSchemas(f"{schema['name']} and {cls.__name__} differ in: {different}")
    return attributes


def make_function(
    parameters: str, lines: Sequence[str], names: Mapping[str, object]
) -> Callable[..., Any]:
    """A function of these lines, which see `names` alone."""
    source = "\n".join((f"def made({parameters}):", *("    " + line for line in lines)))
    namespace: dict[str, Any] = dict(names)
    exec(compile(source, "<made from an Avro schema>", "exec"), namespace)  # noqa: S102 - see above
    return cast("Callable[..., Any]", namespace["made"])


def _unit(declared: object) -> str:
    branches = cast("list[object]", declared) if isinstance(declared, list) else [declared]
    for branch in branches:
        if isinstance(branch, dict):
            logical_type = str(cast("Schema", branch).get("logicalType"))
            return _UNITS.get(logical_type, "")
    return ""
