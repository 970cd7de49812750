from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.source_formats import SourceFormat, SourceReading
from pipeline.domain.event import Event
from pipeline.flow import Partition, Record
from pipeline.ports import Oversize, Undecodable
from tests.kafka.record_values import (
    AN_EVENT,
    CODEC,
    SCHEMAS,
    by_fastavro,
    named_as_in_schema,
)

MIB: Final = 1024 * 1024
WRITTEN_MS: Final = 1_772_449_200_123
SAMPLES: Final = Path(__file__).parents[2] / "pipeline" / "demo" / "samples"
LEAST: Final[dict[str, Any]] = {"account": "acme", "type": "person.created", "data": {}}


def record_of(value: bytes | None, topic: str = "orders") -> Record:
    return Record(Partition(topic, 3), 42, b"key", value, WRITTEN_MS)


def event_of(value: bytes | None) -> Event:
    return CODEC.decode_event(record_of(value))


def envelope(**changes: object) -> bytes:
    return json.dumps({**LEAST, **changes}).encode()


def test_an_envelope_with_everything_becomes_the_event_it_says():
    value = b"""{
        "account": "acme", "type": "person.created", "id": "urn:a/b.c:1", "subject": "company/7",
        "time": "2026-03-02T12:00:00.5+01:00", "metadata": {"project": "north"}, "data": {"a": 1}
    }"""
    assert event_of(value) == Event(
        id="urn:a/b.c:1",
        type="person.created",
        account="acme",
        time_us=1_772_449_200_500_000,
        data=b'{"a": 1}',
        subject="company/7",
        metadata={"project": "north"},
    )


def test_data_keep_the_bytes_that_the_producer_wrote():
    data = '{"n": 1.00, "big": 123456789012345678901234567890, "e":1E+2,"text":"\\u00e9 é \\/"}'
    value = f'{{"data":{data},"account":"acme","type":"t"}}'.encode()
    assert event_of(value).data == data.encode()


@pytest.mark.parametrize("data", ["null", "false", "0", '""', "[]", '"text"', "-1.5e300"])
def test_data_may_be_any_json_value(data: str):
    assert event_of(f'{{"data":{data},"account":"acme","type":"t"}}'.encode()).data == data.encode()


def test_an_event_without_an_id_is_called_after_its_place_so_that_reading_it_again_repeats_the_id():
    assert event_of(envelope()).id == "orders/3/42@1772449200123"
    assert event_of(envelope(id=None)).id == event_of(envelope()).id


def test_a_topic_that_was_made_again_gives_other_ids_at_the_same_offsets():
    later = record_of(envelope())._replace(timestamp_ms=WRITTEN_MS + 1)
    assert CODEC.decode_event(later).id != event_of(envelope()).id


def test_an_id_made_of_a_very_long_topic_name_is_as_short_as_ids_are():
    made = CODEC.decode_event(record_of(envelope(), topic="t" * 249))
    assert len(made.id) <= 256
    assert made.id != CODEC.decode_event(record_of(envelope(), topic="t" * 248 + "u")).id


def test_an_event_without_a_time_occurred_when_its_record_was_written():
    assert event_of(envelope()).time_us == WRITTEN_MS * 1000
    assert event_of(envelope(time=None)).time_us == WRITTEN_MS * 1000


def test_white_space_may_come_first():
    assert event_of(b"\r\n\t " + envelope()).account == "acme"


def test_an_event_for_every_account_that_it_concerns_is_taken():
    assert event_of(envelope(account="*")).account == "*"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"type": 5}, r"Expected `str`, got `int` - at `\$.type`"),
        ({"metadata": {"a": 1}}, r"Expected `str`, got `int` - at `\$.metadata"),
        ({"id": ""}, "id: it is empty"),
        ({"id": "x" * 257}, "id: it has 257 characters"),
        ({"id": "a\u0000b"}, "id: it contains '\\\\x00'"),
        ({"type": ""}, "type: use 1-128"),
        ({"type": "person created"}, "type: use 1-128"),
        ({"type": "x" * 129}, "type: use 1-128"),
        ({"type": "pérson"}, "type: use 1-128"),
        ({"account": "a/b"}, "account: use an account's id"),
        ({"account": "a" * 65}, "account: use an account's id"),
        ({"account": "**"}, "account: use an account's id"),
        ({"subject": ""}, "subject: use 1-1024"),
        ({"subject": "s" * 1025}, "subject: use 1-1024"),
        ({"subject": "a\nb"}, "subject: contains"),
        ({"time": "yesterday"}, "time: not a time"),
        ({"time": "2026-02-30T00:00:00Z"}, "time: not a time"),
        ({"time": "0001-01-01T00:00:00+01:00"}, "time: not within the years 1 to 9999"),
        ({"metadata": {str(n): "" for n in range(65)}}, "metadata: 65 entries: at most 64"),
        ({"metadata": {"": "x"}}, "metadata: names have 1-128"),
        ({"metadata": {"a": "x" * 16_384}}, "metadata: use at most 16384"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_said_with_the_name_of_its_member(
    changes: dict[str, object], text: str
):
    with pytest.raises(Undecodable, match=text):
        event_of(envelope(**changes))


@pytest.mark.parametrize("missing", ["account", "type", "data"])
def test_a_member_that_is_missing_is_named(missing: str):
    members = {name: member for name, member in LEAST.items() if name != missing}
    with pytest.raises(Undecodable, match=f"missing required field `{missing}`"):
        event_of(json.dumps(members).encode())


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"tru", b"NaN", b"01", b"1.", b"[1,]", b"{'a':1}", b'"\x01"', b'"\\x"'),
        *(b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b"[" * 100_000, b"[" * 5_000 + b"]" * 5_000),
    ],
)
def test_data_that_are_not_json_in_utf8_are_undecodable_in_json_and_in_avro(data: bytes):
    with pytest.raises(Undecodable):
        event_of(b'{"account":"acme","type":"t","data":' + data + b"}")
    with pytest.raises(Undecodable, match=r"^data: "):
        event_of(CODEC.encode_event(AN_EVENT._replace(data=data)))


def test_text_that_is_not_utf8_is_found_wherever_it_stands():
    with pytest.raises(Undecodable, match=r"not UTF-8 at byte 12$"):
        event_of(b'{"account":"\xff","type":"t","data":{}}')


def test_data_of_a_mebibyte_are_taken_and_one_byte_more_is_oversize():
    most = b'"' + b"x" * (MIB - 2) + b'"'
    start = b'{"account":"acme","type":"t","data":'
    assert len(event_of(start + most + b"}").data) == MIB
    assert len(event_of(CODEC.encode_event(AN_EVENT._replace(data=most))).data) == MIB
    with pytest.raises(Oversize, match="data: 1048577 bytes"):
        event_of(start + b" " + most[:-1] + b'x"}')
    with pytest.raises(Oversize, match="data: 1048577 bytes"):
        event_of(CODEC.encode_event(AN_EVENT._replace(data=most + b" ")))


def test_our_avro_becomes_the_event_it_says():
    assert event_of(CODEC.encode_event(AN_EVENT)) == AN_EVENT


def test_our_avro_without_a_time_occurred_when_its_record_was_written():
    fields = {**named_as_in_schema(AN_EVENT), "time": None}
    event = event_of(by_fastavro(SCHEMAS["event"].written, fields))
    assert event == AN_EVENT._replace(time_us=WRITTEN_MS * 1000)


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"id": ""}, "id"),
        ({"id": "\x85"}, "id"),
        ({"account": "Müller"}, "account"),
        ({"type": "a b"}, "type"),
        ({"time_us": 2**62}, "time"),
    ],
)
def test_our_avro_is_checked_like_everything_else(change: dict[str, Any], member: str):
    with pytest.raises(Undecodable, match=f"^{member}: "):
        event_of(CODEC.encode_event(AN_EVENT._replace(**change)))


@pytest.mark.parametrize("value", [b"\0\0\0\0\7abc", b"\1" + b"g" * 16 + b"abc"])
def test_a_registrys_wire_format_is_refused_with_what_to_do(value: bytes):
    with pytest.raises(Undecodable, match=r"schema registry, and none is configured"):
        event_of(value)


def test_a_tombstone_is_no_event():
    with pytest.raises(Undecodable, match="has no value"):
        event_of(None)


@pytest.mark.parametrize("value", [b"[]", b"<event/>", b"\xef\xbb\xbf{}", b"   "])
def test_anything_else_is_said_with_its_first_bytes(value: bytes):
    with pytest.raises(Undecodable, match=f"begins with {value[:4].hex(' ')}"):
        event_of(value)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (SourceFormat.AVRO, envelope()),
        (SourceFormat.JSON, CODEC.encode_event(AN_EVENT)),
        (SourceFormat.CLOUDEVENTS, envelope()),
    ],
)
def test_a_topic_with_a_format_of_its_own_takes_no_other(wanted: SourceFormat, value: bytes):
    codec = RecordCodec(SCHEMAS, {"orders": SourceReading(wanted)})
    with pytest.raises(Undecodable, match=f"topic whose format is {wanted}"):
        codec.decode_event(record_of(value))
    assert codec.decode_event(record_of(value, topic="others")).account


def test_a_topic_with_a_format_of_its_own_takes_that():
    codec = RecordCodec(SCHEMAS, {"orders": SourceReading(SourceFormat.JSON)})
    assert codec.decode_event(record_of(envelope())).account == "acme"


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_sample_events_of_the_demo_are_events(sample: Path):
    event = event_of(sample.read_bytes())
    assert json.loads(event.data) == json.loads(sample.read_bytes())["data"]


_HEADERS: Final = st.none() | st.lists(
    st.tuples(
        st.sampled_from(["ce_specversion", "ce_id", "ce_type", "content-type", "x"]),
        st.none()
        | st.binary(max_size=8)
        | st.sampled_from([b"1.0", b"application/cloudevents+json", b"application/json"]),
    ),
    max_size=5,
)
_STARTS: Final = st.sampled_from([b"", b"{", b"\xc3\x01", SCHEMAS["event"].written.header])


@settings(deadline=None)
@given(_STARTS, st.binary(max_size=200), _HEADERS)
def test_any_record_is_an_event_or_undecodable_and_nothing_else(
    start: bytes, rest: bytes, headers: list[tuple[str, bytes | None]] | None
):
    with suppress(Undecodable):
        CODEC.decode_event(record_of(start + rest)._replace(headers=headers))


@settings(deadline=None)
@given(st.data())
def test_an_envelope_with_some_bytes_changed_is_an_event_or_undecodable(drawn: st.DataObject):
    value = bytearray(envelope(id="a", time="2026-03-02T12:00:00Z", metadata={"a": "é"}))
    for place in drawn.draw(st.lists(st.integers(0, len(value) - 1), min_size=1, max_size=4)):
        value[place] = drawn.draw(st.integers(0, 255))
    with suppress(Undecodable):
        event_of(bytes(value))
