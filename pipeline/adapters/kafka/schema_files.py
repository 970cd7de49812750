"""The Avro schemas of all our records: what is written now, and all that can be read beside it.

`schemas/<name>.avsc` is what we write. `schemas/released/<name>.<fingerprint>.avsc` is every
version that was ever released, kept for ever, so that whatever still lies in Kafka can be read. A
changed schema goes there one release before it is written: then the processes of both releases read
each other's records while one takes the other's place, and when that is taken back.

The fingerprint is the schema's CRC-64-AVRO as Avro's single-object encoding writes it, in 16
hexadecimal digits. Fields that come must have a default, fields that go must have had one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from fastavro import parse_schema
from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form

MARKER: Final = b"\xc3\x01"
"""The first two bytes of a record in Avro's single-object encoding."""
HEADER_BYTES: Final = 10
"""The marker and the fingerprint; the fields follow."""

NAMES: Final = (
    "event",
    "delivery",
    "attempts",
    "dead_letter",
    "account",
    "endpoint",
    "relation",
    "profile",
    "position",
    "job",
    "intervention",
)
"""One schema file each."""

RELEASED: Final = "released"
"""The folder of released schemas within that of schemas."""


class UnusableSchemas(Exception):
    """The folder of schemas is not whole, or a file in it is no schema; the text says which."""


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One schema as it was written or is now."""

    record_name: str
    header: bytes
    """What a record written with it begins with: the marker and the fingerprint."""
    declared: Mapping[str, Any]
    """As it lies in its file."""
    plain: Mapping[str, Any]
    """Parsed by fastavro without logical types, which would turn our numbers into dates."""


@dataclass(frozen=True, slots=True)
class RecordSchemas:
    """All versions of one record's schema."""

    written: SchemaVersion
    others: tuple[SchemaVersion, ...] = ()


Schemas = Mapping[str, RecordSchemas]
"""By the name of the file."""


def load_schemas(folder: Path) -> Schemas:
    """All schemas of `folder`.

    Raises:
        UnusableSchemas: one of `NAMES` is missing, a file cannot be read or is no Avro schema, or
            a released one is not what its name says.
    """
    return {name: _load_record(folder, name) for name in NAMES}


def version_of(declared: Mapping[str, Any]) -> SchemaVersion:
    """A schema made ready for use.

    Raises:
        UnusableSchemas: it is no schema of a record.
    """
    try:
        raw = cast("dict[str, Any]", _without_logical_types(declared))
        plain = cast("dict[str, Any]", parse_schema(raw))
        digits = fingerprint(to_parsing_canonical_form(plain), "CRC-64-AVRO")
    except (SchemaParseException, KeyError, TypeError, ValueError) as exc:
        raise UnusableSchemas(f"not an Avro schema: {exc}") from exc
    if declared.get("type") != "record" or not declared.get("fields"):
        raise UnusableSchemas("not the schema of a record with fields")
    name = str(declared["name"]).rpartition(".")[2]
    return SchemaVersion(name, MARKER + bytes.fromhex(digits), declared, plain)


def _load_record(folder: Path, name: str) -> RecordSchemas:
    written = _load_version(folder / f"{name}.avsc")
    others: list[SchemaVersion] = []
    for path in sorted((folder / RELEASED).glob(f"{name}.*.avsc")):
        version = _load_version(path)
        digits = version.header.removeprefix(MARKER).hex()
        if path.name != f"{name}.{digits}.avsc":
            raise UnusableSchemas(
                f"{path}: its fingerprint is {digits}: a released schema must never be edited, "
                "change the one that is written instead"
            )
        if version.header != written.header:
            others.append(version)
    return RecordSchemas(written, tuple(others))


def _load_version(path: Path) -> SchemaVersion:
    try:
        declared = json.loads(path.read_bytes())
    except OSError as exc:
        raise UnusableSchemas(f"{path}: cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise UnusableSchemas(f"{path}: not JSON: {exc}") from exc
    if not isinstance(declared, dict):
        raise UnusableSchemas(f"{path}: not the schema of a record")
    try:
        return version_of(cast("dict[str, Any]", declared))
    except UnusableSchemas as exc:
        raise UnusableSchemas(f"{path}: {exc}") from exc


def _without_logical_types(node: object) -> object:
    """The same schema for raw numbers. The canonical form, and so the fingerprint, is the same."""
    if isinstance(node, dict):
        members = cast("dict[str, object]", node)
        return {
            name: _without_logical_types(member)
            for name, member in members.items()
            if name != "logicalType"
        }
    if isinstance(node, list):
        return [_without_logical_types(member) for member in cast("list[object]", node)]
    return node
