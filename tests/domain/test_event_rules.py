from __future__ import annotations

from typing import Any

import pytest

from pipeline.domain.event import Event
from pipeline.domain.event_rules import (
    EVERY_ACCOUNT,
    MAX_METADATA_CHARS,
    MAX_METADATA_ENTRIES,
    OversizeEvent,
    RefusedEvent,
    check_data,
    check_members,
)
from pipeline.domain.event_values import MAX_DATA_BYTES
from pipeline.domain.rfc3339 import MAX_TIME_US

EVENT = Event("urn:a b/1", "person.created", "acme", 0, b"{}")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"id": "é" * 256},
        {"id": "\u200b"},
        {"type": "x" * 128},
        {"account": EVERY_ACCOUNT},
        {"subject": "s" * 1024},
        {"subject": "zero\u200bwidth"},
        {"time_us": MAX_TIME_US},
        {"metadata": {str(number): "" for number in range(MAX_METADATA_ENTRIES)}},
        {"metadata": {"a": "x" * (MAX_METADATA_CHARS - 1)}},
        {"data": b" " * MAX_DATA_BYTES},
    ],
)
def test_an_event_may_go_to_its_limits(change: dict[str, Any]):
    check_members(EVENT._replace(**change))


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("id", {"id": "a\ud800"}),
        ("id", {"id": "tab\t"}),
        ("type", {"type": "a\n"}),
        ("account", {"account": ""}),
        ("subject", {"subject": "a\x7f"}),
        ("time", {"time_us": MAX_TIME_US + 1}),
        ("metadata", {"metadata": {"a\x00": ""}}),
        ("metadata", {"metadata": {"a" * 129: ""}}),
    ],
)
def test_what_goes_beyond_is_refused_with_the_name_of_its_member(
    member: str, change: dict[str, Any]
):
    with pytest.raises(RefusedEvent) as caught:
        check_members(EVENT._replace(**change))
    assert caught.value.member == member
    assert str(caught.value) == f"{member}: {caught.value.problem}"


def test_data_that_are_too_long_are_told_apart():
    with pytest.raises(OversizeEvent):
        check_members(EVENT._replace(data=b" " * (MAX_DATA_BYTES + 1)))


@pytest.mark.parametrize("data", [b"{}", b" [1.0, 1e999] ", b'"\\ud83d\\ude00"', b"null"])
def test_data_are_any_one_json_value(data: bytes):
    check_data(data)


@pytest.mark.parametrize("data", [b"", b"{} {}", b"{'a': 1}", b'"\xff"', b"[" * 20_000])
def test_data_that_are_no_json_value_are_refused(data: bytes):
    with pytest.raises(RefusedEvent, match=r"^data: "):
        check_data(data)
