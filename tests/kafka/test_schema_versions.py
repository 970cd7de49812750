from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from fastavro.utils import generate_one

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.record_format import RecordFormat, kinds_of
from pipeline.adapters.kafka.schema_files import (
    NAMES,
    RecordSchemas,
    SchemaVersion,
    UnusableSchemas,
    load_schemas,
    version_of,
)
from pipeline.ports import Undecodable
from tests.kafka.record_values import (
    A_DELIVERY,
    CODEC,
    SCHEMAS,
    SCHEMAS_FOLDER,
    by_fastavro,
    named_as_in_schema,
)

DELIVERY = SCHEMAS["delivery"].written
FIELDS = cast("list[dict[str, Any]]", DELIVERY.declared["fields"])
PRIORITY = {"name": "priority", "type": "int", "default": 3}


def delivery_with(fields: Iterable[Mapping[str, Any]]) -> SchemaVersion:
    return version_of({**DELIVERY.declared, "fields": list(fields)})


def codec_that_knows(*others: SchemaVersion) -> RecordCodec:
    return RecordCodec({**SCHEMAS, "delivery": RecordSchemas(DELIVERY, others)})


WITHOUT_PARKED = delivery_with(field for field in FIELDS if field["name"] != "parked")
WITH_PRIORITY = delivery_with([PRIORITY, *FIELDS])


def test_an_older_record_gets_the_default_of_a_field_that_came_later():
    fields = named_as_in_schema(A_DELIVERY)
    del fields["parked"]
    record = by_fastavro(WITHOUT_PARKED, fields)
    assert codec_that_knows(WITHOUT_PARKED).decode_delivery(record) == A_DELIVERY


def test_a_newer_record_is_read_without_the_field_that_is_not_known_here():
    record = by_fastavro(WITH_PRIORITY, {**named_as_in_schema(A_DELIVERY), "priority": 1})
    assert codec_that_knows(WITH_PRIORITY).decode_delivery(record) == A_DELIVERY


def test_a_field_that_was_shorter_once_is_read_as_what_it_is_now():
    narrow = [
        {**field, "type": "int"} if field["name"] == "endpoint_version" else field
        for field in FIELDS
    ]
    other = delivery_with(narrow)
    record = by_fastavro(other, named_as_in_schema(A_DELIVERY))
    assert codec_that_knows(other).decode_delivery(record) == A_DELIVERY


def test_a_record_of_another_version_that_is_cut_short_is_undecodable():
    record = by_fastavro(WITH_PRIORITY, {**named_as_in_schema(A_DELIVERY), "priority": 1})
    codec = codec_that_knows(WITH_PRIORITY)
    for length in range(len(record)):
        with pytest.raises(Undecodable):
            codec.decode_delivery(record[:length])
    with pytest.raises(Undecodable):
        codec.decode_delivery(record + b"\0")


def test_a_record_of_a_version_without_a_field_that_has_no_default_is_undecodable():
    other = delivery_with(field for field in FIELDS if field["name"] != "account")
    fields = named_as_in_schema(A_DELIVERY)
    del fields["account"]
    with pytest.raises(Undecodable, match="account"):
        codec_that_knows(other).decode_delivery(by_fastavro(other, fields))


@pytest.mark.parametrize("name", NAMES)
def test_every_version_that_was_ever_released_can_still_be_read(name: str):
    record_format = RecordFormat[object](SCHEMAS[name], {}, kinds=kinds_of(SCHEMAS))
    for version in (SCHEMAS[name].written, *SCHEMAS[name].others):
        fields = generate_one(cast("dict[str, Any]", version.plain))
        assert record_format.decode(by_fastavro(version, cast("dict[str, Any]", fields)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the checkout's schemas that may be spoilt."""
    return Path(shutil.copytree(SCHEMAS_FOLDER, tmp_path / "schemas"))


def release(folder: Path, version: SchemaVersion) -> Path:
    released = folder / "released"
    released.mkdir(exist_ok=True)
    path = released / f"delivery.{version.header[2:].hex()}.avsc"
    path.write_text(json.dumps(version.declared), encoding="utf-8")
    return path


def test_released_versions_are_found_beside_the_one_that_is_written(folder: Path):
    release(folder, WITH_PRIORITY)
    release(folder, DELIVERY)
    delivery = load_schemas(folder)["delivery"]
    assert delivery.written.header == DELIVERY.header
    assert [version.header for version in delivery.others] == [WITH_PRIORITY.header]


def test_a_released_schema_that_was_edited_is_refused(folder: Path):
    path = release(folder, WITH_PRIORITY)
    path.write_text(path.read_text(encoding="utf-8").replace("priority", "urgency"), "utf-8")
    with pytest.raises(UnusableSchemas, match=rf"{path.name}.*never be edited"):
        load_schemas(folder)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not JSON"),
        ("[]", "not the schema of a record"),
        ('{"type": "record", "name": "Event"}', "with fields"),
        (
            '{"type": "record", "name": "E", "fields": [{"name": "x", "type": "strin"}]}',
            "not an Avro schema: strin",
        ),
        ('{"type": "enum", "name": "Event", "symbols": ["a"]}', "not the schema of a record"),
    ],
)
def test_a_file_that_is_no_schema_is_named(folder: Path, content: str, why: str):
    (folder / "event.avsc").write_text(content, encoding="utf-8")
    with pytest.raises(UnusableSchemas, match=rf"event\.avsc.*{why}"):
        load_schemas(folder)


def test_a_schema_that_is_missing_is_named(folder: Path):
    (folder / "account.avsc").unlink()
    with pytest.raises(UnusableSchemas, match=r"account\.avsc: cannot be read: No such file"):
        load_schemas(folder)


@pytest.mark.parametrize(
    "field",
    [
        {"name": "x", "type": {"type": "fixed", "name": "F", "size": 4}, "default": "0000"},
        {"name": "x", "type": {"type": "array", "items": "null"}, "default": []},
        {"name": "x", "type": {"type": "record", "name": "E", "fields": []}, "default": {}},
    ],
)
def test_a_schema_with_what_no_decoder_is_made_for_is_refused_at_the_start(field: dict[str, Any]):
    other = delivery_with([field, *FIELDS])
    with pytest.raises(UnusableSchemas):
        codec_that_knows(other)


def test_the_schemas_of_the_checkout_are_all_used():
    assert {path.stem for path in SCHEMAS_FOLDER.glob("*.avsc")} == set(NAMES)
    assert CODEC.decode_delivery(CODEC.encode_delivery(A_DELIVERY)) == A_DELIVERY
