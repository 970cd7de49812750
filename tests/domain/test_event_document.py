import json

import pytest

from pipeline.domain.document import DocumentError
from pipeline.domain.event_document import (
    EventDocument,
    account_key,
    event_key,
    read_event_document,
)

NEW_ID = "evt_new"
NOW_MS = 1_772_449_200_000
WHOLE = {
    "id": "evt:1",
    "account": "acme",
    "type": "person.created",
    "time": "2026-03-02T12:00:00+01:00",
    "subject": "company/1",
    "metadata": {"project": "north"},
    "data": {"amount": 1},
}


def read(document: object) -> EventDocument:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_event_document(content, new_id=NEW_ID, now_ms=NOW_MS)


def refusal(document: object) -> str:
    with pytest.raises(DocumentError) as refused:
        read(document)
    return str(refused.value)


def test_a_whole_event_is_read_and_written_with_every_member():
    event, written = read(WHOLE)
    assert (event.id, event.account, event.subject) == ("evt:1", "acme", "company/1")
    assert event.time_us == NOW_MS * 1000
    assert json.loads(written) == WHOLE


def test_an_event_without_an_id_gets_the_new_one():
    event, written = read({"account": "acme", "type": "t", "data": None})
    assert event.id == NEW_ID
    assert json.loads(written) == {"id": NEW_ID, "account": "acme", "type": "t", "data": None}


def test_data_stays_byte_for_byte_as_written():
    data = b'{"n": 1.00, "u": "\\u00e4",  "x": 1e2}'
    event, written = read(b'{"account": "a", "type": "t", "data": ' + data + b"}")
    assert event.data == data
    assert data in written


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"acount": "x"}, "acount: unknown field: did you mean account?"),
        ({"account": None}, "account: missing"),
        ({"account": "a b"}, "account: "),
        ({"account": 5}, "account: 5: give a text"),
        ({"type": ""}, "type: "),
        ({"id": "x" * 257}, "id: "),
        ({"time": "yesterday"}, "time: not a time"),
        ({"subject": "a\nb"}, "subject: "),
        ({"metadata": {"a": 1}}, "metadata.a: 1: give a text"),
        ({"metadata": "x"}, "metadata: 'x': give an object"),
        ({"data": "x" * (1 << 20)}, "data: "),
    ],
)
def test_a_member_that_is_wrong_is_named(change: dict[str, object], told: str):
    assert refusal({**WHOLE, **change}).startswith(told)


def test_an_event_without_data_is_refused():
    assert refusal({"account": "a", "type": "t"}).startswith("data: missing")


@pytest.mark.parametrize(
    "document",
    [b"[]", b"5", b"{", b"", b'{"a": "\xff"}', b'{"data":' + b"[" * 100_000, b"nonsense"],
)
def test_what_is_no_object_is_refused_whatever_it_is(document: bytes):
    assert refusal(document)


def test_events_of_one_subject_have_one_key_and_others_another():
    assert event_key("acme", None) == b"acme"
    keys = {event_key("acme", None), event_key("acme", "1"), event_key("acme", "2")}
    assert len(keys | {event_key("acme-1", None)}) == 4


def test_or_all_of_an_account_has_one_key():
    keys = {account_key("acme", subject) for subject in (None, "1", "2")}
    assert keys == {b"acme"}
