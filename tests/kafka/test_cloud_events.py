from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest

from pipeline.domain.event import Event
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable
from tests.kafka.record_values import CODEC

WRITTEN_MS: Final = 1_772_449_200_123
ATTRIBUTES: Final = {
    "specversion": "1.0",
    "id": "A-1",
    "source": "/shop",
    "type": "com.example.order.created",
    "account": "acme",
}
STRUCTURED: Final = "application/cloudevents+json"


def binary(value: bytes | None, content_type: str | None = None, **changes: str | None) -> Event:
    attributes = {**ATTRIBUTES, **changes}
    headers = [
        (f"ce_{name}", text.encode()) for name, text in attributes.items() if text is not None
    ]
    if content_type is not None:
        headers.append(("content-type", content_type.encode()))
    return CODEC.decode_event(
        Record(Partition("orders", 0), 7, None, value, WRITTEN_MS, [*headers])
    )


def structured(content_type: str = STRUCTURED, **changes: object) -> Event:
    members = {name: part for name, part in {**ATTRIBUTES, **changes}.items() if part != "absent"}
    headers: list[tuple[str, bytes | None]] = [("content-type", content_type.encode())]
    value = json.dumps(members).encode()
    return CODEC.decode_event(Record(Partition("orders", 0), 7, None, value, WRITTEN_MS, headers))


def test_a_binary_cloud_event_becomes_an_event():
    event = binary(
        b'{"n": 1.00}',
        "application/json; charset=UTF-8",
        subject="company/7",
        time="2026-03-02T12:00:00+01:00",
        dataschema="https://example.org/order",
        traceparent="00-1-2-01",
    )
    assert event == Event(
        id="/shop A-1",
        type="com.example.order.created",
        account="acme",
        time_us=1_772_449_200_000_000,
        data=b'{"n": 1.00}',
        subject="company/7",
        metadata={
            "source": "/shop",
            "dataschema": "https://example.org/order",
            "traceparent": "00-1-2-01",
        },
    )


def test_a_structured_cloud_event_becomes_an_event():
    event = structured(
        subject="company/7",
        time="2026-03-02T11:00:00Z",
        data={"n": 1},
        paid=True,
        count=-3,
        no=None,
    )
    assert event == Event(
        id="/shop A-1",
        type="com.example.order.created",
        account="acme",
        time_us=1_772_449_200_000_000,
        data=b'{"n": 1}',
        subject="company/7",
        metadata={"source": "/shop", "paid": "true", "count": "-3"},
    )


def test_data_keep_the_bytes_that_the_producer_wrote():
    value = (
        b'{"specversion":"1.0","id":"1","source":"s","type":"t","account":"a","data":{ "n":1.00}}'
    )
    headers: list[tuple[str, bytes | None]] = [("Content-Type", b"Application/CloudEvents+JSON")]
    record = Record(Partition("orders", 0), 7, None, value, WRITTEN_MS, headers)
    assert CODEC.decode_event(record).data == b'{ "n":1.00}'


def test_the_same_id_of_two_sources_is_two_events():
    ids = {binary(b"1", source="/a", id="b c").id, binary(b"1", source="/a b", id="c").id}
    assert len(ids) == 2


def test_an_id_that_would_be_too_long_is_hashed_and_stays_different():
    ids = {binary(b"1", id="x" * 255 + end).id for end in "ab"}
    assert len(ids) == 2
    assert all(len(made) <= 256 for made in ids)


def test_without_a_time_it_occurred_when_its_record_was_written():
    assert binary(b"1").time_us == structured().time_us == WRITTEN_MS * 1000


@pytest.mark.parametrize("value", [None, b""])
def test_without_data_it_says_null(value: bytes | None):
    assert binary(value).data == structured().data == b"null"


@pytest.mark.parametrize(
    "content_type",
    [None, "application/json", "TEXT/JSON", "application/vnd.shop+json;charset=utf-8"],
)
def test_data_are_json_where_their_type_says_so_or_nothing(content_type: str | None):
    assert binary(b'{"a":1}', content_type).data == b'{"a":1}'


def test_text_becomes_a_json_string():
    assert binary('say "é"'.encode(), "text/plain").data == '"say \\"é\\""'.encode()


def test_data_in_base64_are_what_they_encode():
    encoded = base64.b64encode(b'{"a":1}').decode()
    assert structured(data_base64=encoded, datacontenttype="application/json").data == b'{"a":1}'


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"account": None}, "account: the attribute is missing"),
        ({"id": ""}, "id: the attribute is missing or empty"),
        ({"source": None}, "source: the attribute is missing"),
        ({"type": None}, "type: the attribute is missing"),
        ({"type": "a b"}, "type: use 1-128"),
        ({"specversion": "0.3"}, r"specversion: only 1\.0 is read"),
        ({"time": "now"}, "time: not a time"),
    ],
)
def test_what_is_wrong_with_an_attribute_is_said_with_its_name(
    changes: dict[str, str | None], text: str
):
    with pytest.raises(Undecodable, match=text):
        binary(b"{}", None, **changes)
    with pytest.raises(Undecodable, match=text):
        structured(STRUCTURED, **changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"x": 1.5}, "x: attributes are text"),
        ({"x": {"a": 1}}, "x: attributes are text"),
        ({"specversion": "absent"}, "specversion"),
        ({"data": 1, "data_base64": "MQ=="}, "data_base64: there beside data"),
        ({"data_base64": "%%"}, "data_base64: not base64"),
        ({"data_base64": base64.b64encode(b"{").decode()}, "data: "),
        ({"data_base64": "AAAA", "datacontenttype": "image/png"}, "datacontenttype: 'image/png'"),
    ],
)
def test_what_is_wrong_with_a_structured_one_is_said(changes: dict[str, Any], text: str):
    with pytest.raises(Undecodable, match=text):
        structured(**changes)


@pytest.mark.parametrize(
    ("value", "content_type", "text"),
    [
        (b"{", "application/json", "data: "),
        (b'"\xff"', "application/json", "data: byte 1 is not UTF-8"),
        (b"\xff", "text/plain", "data: byte 0 is not UTF-8"),
        (b"abc", "text/plain; charset=latin-1", "datacontenttype"),
        (b"\x89PNG", "image/png", "datacontenttype: 'image/png'"),
    ],
)
def test_data_that_cannot_be_sent_are_undecodable(value: bytes, content_type: str, text: str):
    with pytest.raises(Undecodable, match=text):
        binary(value, content_type)


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents-batch+json", "application/cloudevents+avro"]
)
def test_batches_and_other_structured_forms_are_refused(content_type: str):
    with pytest.raises(Undecodable, match="content-type: of the structured forms only JSON"):
        structured(content_type)


def test_an_attribute_that_is_there_twice_is_undecodable():
    headers: list[tuple[str, bytes | None]] = [
        *((f"ce_{name}", text.encode()) for name, text in ATTRIBUTES.items()),
        ("ce_account", b"other"),
    ]
    with pytest.raises(Undecodable, match="ce_account: there twice"):
        CODEC.decode_event(Record(Partition("orders", 0), 7, None, b"1", WRITTEN_MS, headers))


def test_an_attribute_that_is_not_utf8_is_named():
    headers: list[tuple[str, bytes | None]] = [("ce_specversion", b"1.0"), ("ce_id", b"\xff")]
    with pytest.raises(Undecodable, match="ce_id: byte 0 is not UTF-8"):
        CODEC.decode_event(Record(Partition("orders", 0), 7, None, b"1", WRITTEN_MS, headers))
