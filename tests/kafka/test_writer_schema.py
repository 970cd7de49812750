from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.kafka.writer_schema import UnusableSchema, writer_schema
from pipeline.ports import Oversize, Undecodable
from tests.kafka.registry_server import CONTACT, avro

NUMBERS: Final = {
    "type": "record",
    "name": "Numbers",
    "fields": [{"name": f"g{number}", "type": "int"} for number in range(20)],
}


def a_record(*types: object) -> dict[str, Any]:
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(types)]
    return {"type": "record", "name": "R", "fields": fields}


def json_of(schema: object, content: bytes) -> Any:
    return json.loads(writer_schema(json.dumps(schema)).json_of(content))


def test_a_record_becomes_json_without_its_unions_names():
    content = avro(
        CONTACT, {"tenant": "shop", "id": 2**53 + 1, "changed_at": 1_772_449_200_123, "name": "Ada"}
    )
    assert writer_schema(json.dumps(CONTACT)).json_of(content) == (
        b'{"tenant":"shop","id":9007199254740993,"changed_at":"2026-03-02T11:00:00.123000Z",'
        b'"name":"Ada"}'
    )


@pytest.mark.parametrize(
    ("kind", "content", "wanted"),
    [
        ("double", b"\0\0\0\0\0\0\xf8\x7f", None),
        ("bytes", b"\x02a", "YQ=="),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            b"\2\x7f",
            "1.27",
        ),
        ({"type": "int", "logicalType": "date"}, b"\2", "1970-01-02"),
        ({"type": "int", "logicalType": "time-millis"}, b"\2", "00:00:00.001000"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\2", "B"),
        ({"type": "map", "values": "null"}, b"\2\2a\0", {"a": None}),
        ({"type": "array", "items": ["null", NUMBERS]}, b"\4\0\0\0", [None, None]),
        (["null", NUMBERS], b"\2" + bytes(20), {f"g{number}": 0 for number in range(20)}),
    ],
)
def test_every_type_has_its_json(kind: object, content: bytes, wanted: object):
    assert json_of(a_record(kind), content) == {"f0": wanted}


def test_types_of_other_schemas_are_known_where_it_refers_to_them():
    inner = {"type": "record", "name": "crm.Inner", "fields": [{"name": "n", "type": "int"}]}
    schema = writer_schema(json.dumps(a_record("crm.Inner")), [json.dumps(inner)])
    assert schema.json_of(b"\2") == b'{"f0":{"n":1}}'


def doubling(levels: int) -> dict[str, Any]:
    """2**levels values in no bytes."""
    schema = a_record("null")
    for level in range(levels):
        fields = [{"name": "a", "type": schema}, {"name": "b", "type": schema["name"]}]
        schema = {"type": "record", "name": f"L{level}", "fields": fields}
    return schema


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (a_record(["null", "R"]), "contains itself"),
        (a_record({"type": "array", "items": "R"}), "contains itself"),
        (a_record({"type": "array", "items": "null"}), "next to no bytes"),
        (a_record({"type": "array", "items": {**NUMBERS, "fields": []}}), "next to no bytes"),
        (doubling(30), "next to no bytes"),
        (doubling(60), "nested deeper"),
        (a_record({"type": "fixed", "name": "F", "size": -1}), "fixed"),
        (a_record({"type": "fixed", "name": "F", "size": "x"}), "fixed"),
        (a_record("Nowhere"), "Nowhere"),
        (a_record({"type": "error_union"}), "."),
        ("int", "not the schema of a record"),
        ([], "not the schema of a record"),
        (7, "."),
        (None, "."),
        ({"type": {}}, "."),
        ({"type": "record", "name": 3, "fields": 7}, "."),
    ],
)
def test_a_schema_that_could_hurt_the_process_is_not_used(schema: object, why: str):
    with pytest.raises(UnusableSchema, match=why):
        writer_schema(json.dumps(schema))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"type":"array","items":' * 5_000])
def test_what_is_no_schema_is_not_used(text: str):
    with pytest.raises(UnusableSchema):
        writer_schema(text)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("int", b""),
        ("int", b"\2\2"),
        ("string", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ("string", b"\2\xff"),
        (["null", "int"], b"\x10"),
        ({"type": "long", "logicalType": "timestamp-millis"}, b"\xff" * 9 + b"\1"),
        ({"type": "int", "logicalType": "date"}, b"\xff\xff\xff\xff\x0f"),
        ({"type": "string", "logicalType": "uuid"}, b"\2a"),
    ],
)
def test_what_is_not_one_record_of_its_schema_says_so(kind: object, content: bytes):
    with pytest.raises(Undecodable, match=r"not (a whole|one) record"):
        json_of(a_record(kind), content)


def test_more_than_is_ever_delivered_is_not_read():
    with pytest.raises(Oversize):
        json_of(a_record("bytes"), bytes(1024 * 1024 + 1))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_do_anything_but_be_read_or_refused(content: bytes):
    schema = a_record(
        "long", ["null", "string"], {"type": "array", "items": "double"}, {**CONTACT}, "bytes"
    )
    with suppress(Undecodable):
        assert json_of(schema, content)
