"""Identifiers: derived ones repeat, ours sort, and others' are checked."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.identifiers import (
    InvalidIdentifier,
    check_chosen_id,
    check_event_id,
    delivery_id,
    ids_of_new_delivery,
    new_id,
    renewed_webhook_id,
    repeatable_event_id,
    webhook_id,
)

ULID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
chosen_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
event_ids = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=256)


def test_derived_ids_never_change():
    # Written down once: another version of the pipeline must derive the very same ids.
    webhook = webhook_id("evt_01HZX5Y3W3M5Q9N0R4T7V8X2ZA", endpoint="ep_1")
    assert webhook == "msg_7S2AEANK505NGWBCYAMJEE0YTN"
    assert delivery_id(webhook, cause="event", cause_id=None) == "dlv_5EV8G7D97XNZJ9TW8D3T1QFQWX"
    assert (
        delivery_id(webhook, cause="replay", cause_id="rpl_1") == "dlv_0B93X4VNVS1TGYJGSVHJACD2W5"
    )


@given(event_ids, chosen_ids)
def test_what_an_event_causes_has_the_same_ids_when_they_are_made_at_once(
    event_id: str, endpoint: str
):
    webhook = webhook_id(event_id, endpoint=endpoint)
    assert ids_of_new_delivery(event_id.encode(), endpoint=endpoint.encode()) == (
        webhook.encode(),
        delivery_id(webhook, cause="event", cause_id=None).encode(),
    )


@given(event_ids, chosen_ids)
def test_ids_are_url_safe_and_without_a_dot(event_id: str, endpoint: str):
    webhook = webhook_id(event_id, endpoint=endpoint)
    assert re.fullmatch("msg_" + ULID, webhook)
    assert re.fullmatch("dlv_" + ULID, delivery_id(webhook, cause="event", cause_id=None))
    renewed = renewed_webhook_id(event_id, endpoint=endpoint, replay="rpl_1")
    assert re.fullmatch("msg_" + ULID, renewed)


@given(event_ids, chosen_ids)
def test_every_event_and_endpoint_have_an_id_of_their_own(event_id: str, endpoint: str):
    webhook = webhook_id(event_id, endpoint=endpoint)
    others = {
        webhook_id(event_id + "x", endpoint=endpoint),
        webhook_id(event_id, endpoint=endpoint + "x"),
        # The same characters, parted elsewhere.
        webhook_id(event_id[1:] or "-", endpoint=endpoint + event_id[0]),
        renewed_webhook_id(event_id, endpoint=endpoint, replay="rpl_1"),
        renewed_webhook_id(event_id, endpoint=endpoint, replay="rpl_2"),
    }
    assert len(others) == 5
    assert webhook not in others


def test_every_cause_has_a_delivery_of_its_own():
    webhook = webhook_id("e", endpoint="ep_1")
    ids = {
        delivery_id(webhook, cause="event", cause_id=None),
        delivery_id(webhook, cause="replay", cause_id="rpl_1"),
        delivery_id(webhook, cause="replay", cause_id="rpl_2"),
        delivery_id(webhook, cause="redrive", cause_id="rpl_1"),
        delivery_id(webhook_id("f", endpoint="ep_1"), cause="event", cause_id=None),
    }
    assert len(ids) == 5


def test_a_new_id_is_a_ulid():
    # The example of the ULID specification: 1469918176385 ms is 01ARYZ6S41.
    made = new_id("evt", now_ms=1_469_918_176_385, entropy=bytes(10))
    assert made == "evt_01ARYZ6S410000000000000000"
    assert new_id("ep", now_ms=0, entropy=b"\xff" * 10) == "ep_0000000000ZZZZZZZZZZZZZZZZ"


@given(
    st.integers(0, 2**48 - 2),
    st.binary(min_size=10, max_size=10),
    st.binary(min_size=10, max_size=10),
)
def test_an_id_that_is_made_later_sorts_later(now_ms: int, first: bytes, second: bytes):
    earlier = new_id("evt", now_ms=now_ms, entropy=first)
    assert earlier < new_id("evt", now_ms=now_ms + 1, entropy=second)
    assert re.fullmatch("evt_" + ULID, earlier)


@pytest.mark.parametrize(("now_ms", "size"), [(-1, 10), (2**48, 10), (0, 9), (0, 11)])
def test_a_new_id_needs_a_time_and_ten_bytes(now_ms: int, size: int):
    with pytest.raises(ValueError, match="10 bytes of entropy"):
        new_id("evt", now_ms=now_ms, entropy=bytes(size))


@given(chosen_ids)
def test_a_client_chooses_letters_digits_and_two_signs(text: str):
    assert check_chosen_id(text, field="account") == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "account is empty: use 1-64 of"),
        ("a" * 65, "account has 65 characters: use at most 64"),
        ("a.b", "account contains '.': use only"),
        ("a\n", r"account contains '\\n': use only"),
        ("é", r"account contains '\\xe9': use only"),
        ("٣", r"account contains '\\u0663': use only"),
    ],
)
def test_another_id_of_a_client_is_refused_with_what_is_wrong(text: str, message: str):
    with pytest.raises(InvalidIdentifier, match=message):
        check_chosen_id(text, field="account")


@given(event_ids)
def test_an_event_id_is_any_printable_text(text: str):
    assert check_event_id(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "id is empty"),
        ("a" * 257, "id has 257 characters: use at most 256"),
        ("ab\x00", r"id contains '\\x00' at character 3: leave out"),
        ("a\r\nX-Evil: 1", r"id contains '\\r' at character 2"),
        ("\x7f", r"id contains '\\x7f' at character 1"),
        ("\x85", r"id contains '\\x85' at character 1"),
        ("\ud800", r"id contains '\\ud800' at character 1"),
    ],
)
def test_an_event_id_that_is_no_text_is_refused(text: str, message: str):
    with pytest.raises(InvalidIdentifier, match=message):
        check_event_id(text)


def test_a_repeated_request_repeats_its_ids_and_nothing_else_does():
    def named(owner: str = "key_1", key: str = "k", content: bytes = b"c" * 32, index: int = 0):
        return repeatable_event_id(owner, key=key, content=content, index=index)

    assert named() == named()
    assert re.fullmatch(f"evt_{ULID}", named())
    others = [named("key_2"), named(key="l"), named(content=b"d" * 32), named(index=1)]
    assert len({named(), *others}) == 5
