"""What a replay passes over at a glance is never one of its own events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.event_mapping import EventMapping, Fixed
from pipeline.adapters.kafka.source_formats import SourceFormat, SourceReading
from pipeline.domain.event import Event
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable
from tests.kafka.record_values import AN_EVENT, CODEC, SCHEMAS

OURS: Final = "acme"
Write = Callable[[str, str], bytes]
ACCOUNTS: Final = st.sampled_from([OURS, "other", "acme-2", "*", "a"])


def record_of(value: bytes | None, headers: list[tuple[str, bytes | None]] | None = None) -> Record:
    return Record(Partition("orders", 3), 42, b"key", value, 1_772_449_200_123, headers)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def as_avro(account: str, text: str) -> bytes:
    data = json.dumps({"text": text}).encode()
    return CODEC.encode_event(AN_EVENT._replace(account=account, data=data))


def as_json(account: str, text: str) -> bytes:
    return json.dumps({"account": account, "type": "a.b", "data": {"text": text}}).encode()


def as_escaped_json(account: str, text: str) -> bytes:
    account = escaped(account)
    return f'{{"data": {json.dumps(text)}, "type": "a.b", "account": "{account}"}}'.encode()


def as_json_twice_told(account: str, text: str) -> bytes:
    told = json.dumps(text)
    return f'{{"account": "x", "type": "a.b", "data": {told}, "account": "{account}"}}'.encode()


@given(
    write=st.sampled_from([as_avro, as_json, as_escaped_json, as_json_twice_told]),
    account=ACCOUNTS,
    text=st.text(max_size=20) | ACCOUNTS,
)
def test_no_event_of_the_account_nor_for_all_is_passed_over(write: Write, account: str, text: str):
    record = record_of(write(account, text))
    if CODEC.is_surely_of_others(record, OURS.encode()):
        assert CODEC.decode_event(record).account not in {OURS, "*"}


@given(value=st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: b'{"' + rest))
def test_whatever_is_passed_over_would_have_been_no_event_of_the_account(value: bytes):
    record = record_of(value)
    if CODEC.is_surely_of_others(record, OURS.encode()):
        try:
            event = CODEC.decode_event(record)
        except Undecodable:
            return
        assert event.account not in {OURS, "*"}


@pytest.mark.parametrize("write", [as_avro, as_json])
def test_others_plain_events_are_passed_over(write: Write):
    assert CODEC.is_surely_of_others(record_of(write("other", "hello")), OURS.encode())


def test_a_mapped_record_and_one_with_headers_are_never_sure():
    record = record_of(as_json("other", "hello"))
    assert not CODEC.is_surely_of_others(record._replace(headers=[("a", b"b")]), OURS.encode())
    assert not CODEC.is_surely_of_others(record_of(None), OURS.encode())
    mapping = EventMapping(account=Fixed(OURS), type=Fixed("a.b"))
    source = SourceReading(SourceFormat.JSON, mapping)
    codec = RecordCodec(SCHEMAS, sources={"orders": source})
    event: Event = codec.decode_event(record)
    assert event.account == OURS
    assert not codec.is_surely_of_others(record, OURS.encode())
