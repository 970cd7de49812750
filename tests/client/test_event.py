"""An event made of Python values: what it becomes, and what is refused with its member."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.client.event import Event, InvalidEvent
from pipeline.domain.event_document import read_event_document


@dataclass
class Line:
    article: str
    price: Decimal


def an_event(value: object = 1, **members: Any) -> Event:
    return Event("shop", "order.paid", value, **members)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (
            {"total": Decimal("49.90"), "count": 2**70},
            '{"total":49.90,"count":1180591620717411303424}',
        ),
        ([Line("tea", Decimal("1.00"))], '[{"article":"tea","price":1.00}]'),
        (datetime(2026, 3, 2, 11, tzinfo=UTC), '"2026-03-02T11:00:00Z"'),
        (UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        (msgspec.Raw(b'{"n": 1.000, "none": null}'), '{"n": 1.000, "none": null}'),
        ({"a": None, "raw": msgspec.Raw(b"1e2")}, '{"a":null,"raw":1e2}'),
    ],
)
def test_values_are_written_as_json_without_losing_a_digit(value: object, text: str):
    assert an_event(value).plain.data.decode() == text


def test_an_event_without_an_id_gets_one_that_sorts_by_time_and_stays():
    first, second = an_event(), an_event()
    assert first.id != second.id
    assert first.id.startswith("evt_")
    assert json.loads(first.to_json())["id"] == first.id == first.plain.id
    assert abs(first.time - datetime.now(UTC)) < timedelta(minutes=1)  # noqa: TID251 - the very clock


def test_a_changed_value_does_not_change_the_event():
    value = {"total": 1}
    event = an_event(value)
    value["total"] = 2
    assert event.plain.data == b'{"total":1}'


@pytest.mark.parametrize(
    ("members", "member", "problem"),
    [
        ({"account": "a b"}, "account", "account's id"),
        ({"account": 7}, "account", "a value of type int"),
        ({"type": "order paid"}, "type", "1-128"),
        ({"id": ""}, "id", "empty"),
        ({"id": None}, "id", "None"),
        ({"subject": ""}, "subject", "leave it out"),
        ({"time": "2026-03-02"}, "time", "a datetime"),
        ({"time": datetime(2026, 3, 2)}, "time", "no time zone"),  # noqa: DTZ001 - that it has none
        ({"metadata": {"a": 1}}, "metadata", "a value of type int"),
        ({"metadata": {"a": "\ud800"}}, "metadata", "surrogate"),
        ({"data": float("nan")}, "data", "NaN"),
        ({"data": {"a": [Line("x", Decimal("NaN"))]}}, "data", "malformed"),
        ({"data": {"a": [1.5, float("-inf")]}}, "data", "infinity"),
        ({"data": b"{}"}, "data", "msgspec.Raw"),
        ({"data": object()}, "data", "cannot be written"),
        ({"data": {"a": "\udcff"}}, "data", "cannot be written"),
        ({"data": msgspec.Raw(b"{]")}, "data", "malformed"),
        ({"data": "x" * 2**20}, "data", "at most"),
    ],
)
def test_what_cannot_be_an_event_is_refused_with_its_member_and_what_to_give(
    members: dict[str, Any], member: str, problem: str
):
    given_members: dict[str, Any] = {"account": "shop", "type": "order.paid", "data": 1, **members}
    with pytest.raises(InvalidEvent, match=problem) as refused:
        Event(**given_members)
    assert refused.value.member == member


def test_a_value_without_end_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidEvent, match="nested too deep"):
        an_event(endless)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)
_TIMES = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the zone is drawn beside it
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - the zone is drawn beside it
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)


@given(value=_JSON, time=_TIMES, subject=st.none() | st.just("order/1"), note=st.text(max_size=9))
def test_an_event_that_was_kept_as_json_is_the_same_again(
    value: object, time: datetime, subject: str | None, note: str
):
    event = an_event(value, time=time, subject=subject, metadata={"note": note})
    again = Event.from_json(event.to_json())
    assert again == event
    assert again.plain == event.plain
    assert again.to_json() == event.to_json()


def test_the_json_of_an_event_is_what_the_pipeline_reads():
    event = an_event({"id": 1}, subject="order/1", metadata={"a": "b"})
    assert read_event_document(event.to_json(), new_id="other", now_ms=0).event == event.plain


@pytest.mark.parametrize(
    ("document", "member"),
    [
        ('{"type": "t", "data": 1}', "account"),
        ('{"account": "a", "type": "t", "data": 1, "tpye": 2}', "tpye"),
        ("[]", "event"),
        ('{"account": "\ud800"}', "event"),
    ],
)
def test_json_that_is_no_event_is_refused_with_its_member(document: str, member: str):
    with pytest.raises(InvalidEvent) as refused:
        Event.from_json(document)
    assert refused.value.member == member
