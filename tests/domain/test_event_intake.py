"""Reading events at once, and with care where one is wrong: both take the same."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.event import Event
from pipeline.domain.event_intake import (
    MAX_EVENTS,
    MAX_PROBLEMS,
    REFUSALS,
    EventsRefused,
    NotJson,
    carefully_read,
    carefully_read_batch,
    envelope_of,
    envelopes_of,
    event_of,
)
from pipeline.domain.event_values import MAX_DATA_BYTES

NOW_MS = 1_772_449_200_000
EVENT: dict[str, Any] = {"account": "acme", "type": "invoice.paid", "data": {"id": 1}}


def ids(index: int) -> str:
    return f"evt_{index}"


def at_once(body: bytes) -> Event | None:
    try:
        return event_of(envelope_of(body), 0, new_id=ids, now_ms=NOW_MS)
    except REFUSALS:
        return None


def with_care(body: bytes) -> Event | None:
    try:
        return carefully_read(body, new_id=ids, now_ms=NOW_MS)
    except (NotJson, EventsRefused):
        return None


def problems(*events: Any) -> dict[str, str]:
    body = json.dumps({"events": events}).encode()
    with pytest.raises(EventsRefused) as refused:
        carefully_read_batch(body, new_id=ids, now_ms=NOW_MS)
    return {problem.pointer: problem.text for problem in refused.value.problems}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["acme", "*", "a.b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "account": st.sampled_from(["acme", "*", "a/b", "", None]) | anything,
        "type": st.sampled_from(["invoice.paid", "a b", None]) | anything,
        "data": anything,
        "id": st.none() | st.text(max_size=260) | anything,
        "time": st.sampled_from(["2026-03-02T11:00:00Z", "now", None, "0000-01-01T00:00:00Z"]),
        "subject": st.none() | st.text(max_size=5) | anything,
        "metadata": st.none() | st.dictionaries(st.text(), st.text() | st.integers(), max_size=3),
        "colour": anything,
    },
)


@given(documents | anything)
def test_what_is_read_at_once_is_what_is_read_with_care(document: Any):
    body = json.dumps(document).encode()
    assert at_once(body) == with_care(body)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_bytes_that_are_no_json_are_refused_by_both(noise: bytes, place: int):
    good = json.dumps(EVENT).encode()
    body = good[:place] + noise + good[place:]
    assert at_once(body) == with_care(body)


@given(st.lists(documents, min_size=1, max_size=4))
def test_a_batch_is_its_events(given_documents: list[Any]):
    single = [with_care(json.dumps(document).encode()) for document in given_documents]
    body = json.dumps({"events": given_documents}).encode()
    try:
        batch: list[Event | None] = [*carefully_read_batch(body, new_id=ids, now_ms=NOW_MS)]
        assert [event_of(one, 0, new_id=ids, now_ms=NOW_MS) for one in envelopes_of(body)]
    except EventsRefused as exc:
        wrong = {problem.pointer.split("/")[2] for problem in exc.problems}
        assert wrong == {str(index) for index, event in enumerate(single) if event is None}
    else:
        unnamed = [event and event._replace(id="") for event in batch if event]
        assert unnamed == [event and event._replace(id="") for event in single]


def test_an_event_without_id_and_time_gets_them():
    event = at_once(json.dumps(EVENT).encode())
    assert event == Event("evt_0", "invoice.paid", "acme", NOW_MS * 1000, b'{"id":1}')


def test_numbers_and_text_stay_as_they_came_and_white_space_goes():
    body = (
        b'{"account": "a", "type": "t", "data": [ 1.0 , 1e400, 12345678901234567890, "\\u00e9" ]}'
    )
    event = at_once(body)
    assert event is not None
    assert event.data == b'[1.0,1e400,12345678901234567890,"\\u00e9"]'


def test_every_wrong_event_of_a_batch_is_named():
    wrong = {**EVENT, "type": "a b"}
    assert set(problems(EVENT, wrong, 5, {**EVENT, "metadata": {"a/b": 1}})) == {
        "/events/1/type",
        "/events/2",
        "/events/3/metadata/a/b",
    }
    assert len(problems(*[wrong] * (MAX_PROBLEMS + 5))) == MAX_PROBLEMS


def test_a_batch_has_one_to_a_thousand_events():
    assert set(problems()) == {"/events"}
    assert set(problems(*[EVENT] * (MAX_EVENTS + 1))) == {"/events"}


def test_data_that_is_too_large_is_told_apart():
    def body(size: int) -> bytes:
        return json.dumps({**EVENT, "data": "x" * (size - 2)}).encode()

    assert at_once(body(MAX_DATA_BYTES)) is not None
    assert at_once(body(MAX_DATA_BYTES + 1)) is None
    with pytest.raises(EventsRefused) as refused:
        carefully_read(body(MAX_DATA_BYTES + 1), new_id=ids, now_ms=NOW_MS)
    assert refused.value.has_oversize


@pytest.mark.parametrize("depth", [129, 900, 100_000])
def test_data_nested_too_deep_is_refused(depth: int):
    data = b"[" * depth + b"]" * depth
    body = b'{"account":"acme","type":"t","data":' + data + b"}"
    assert at_once(body) is None
    with pytest.raises(EventsRefused, match="deep"):
        carefully_read(body, new_id=ids, now_ms=NOW_MS)
    with pytest.raises(EventsRefused, match="deep"):
        carefully_read_batch(b'{"events":[' + body + b"]}", new_id=ids, now_ms=NOW_MS)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"a":"\xff"}', b"{} {}"])
def test_what_is_no_json_is_called_so(body: bytes):
    with pytest.raises(NotJson):
        carefully_read(body, new_id=ids, now_ms=NOW_MS)
    with pytest.raises(NotJson):
        carefully_read_batch(body, new_id=ids, now_ms=NOW_MS)


def test_of_a_member_that_comes_twice_both_readings_take_the_last():
    body = b'{"account":"a","account":"b","type":"t","data":1,"data":2}'
    event = at_once(body)
    assert event is not None
    assert (event.account, event.data) == ("b", b"2")
    assert with_care(body) == event
    assert msgspec.json.decode(body)["account"] == "b"
