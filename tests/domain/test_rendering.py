from __future__ import annotations

import json

import pytest

from pipeline.domain.body_problem import OversizeBody, UndecodableBody
from pipeline.domain.delivery import Reason
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import BodyChoice
from pipeline.domain.event_values import EventValues
from pipeline.domain.profile_document import read_profile
from pipeline.domain.rendering import MAX_BODY_BYTES, compile_body, render
from tests.domain.builders import (
    a_sample,
    an_event,
    rendered,
    shipped_profile,
    time_us,
)


def test_a_binary_cloudevent_has_its_attributes_in_percent_encoded_headers():
    event = an_event(
        "[1, 2]", id='a b"%', type="a.b", account="acme", subject="Euro € 😀", metadata={"k": "v"}
    )
    result = rendered(shipped_profile("cloudevents"), event, BodyChoice(format="binary"))
    assert result == (
        b"[1,2]",
        "application/json",
        {
            "ce-specversion": "1.0",
            "ce-id": "a%20b%22%25",
            "ce-source": "/accounts/acme",
            "ce-type": "a.b",
            "ce-subject": "Euro%20%E2%82%AC%20%F0%9F%98%80",
            "ce-time": "2026-03-02T12:00:00Z",
        },
    )


@pytest.mark.parametrize("subject", [None, ""])
def test_a_cloudevent_without_a_subject_leaves_it_out(subject: str | None):
    event = an_event("1", subject=subject)
    profile = shipped_profile("cloudevents")
    assert "subject" not in json.loads(rendered(profile, event).body)
    assert "ce-subject" not in rendered(profile, event, BodyChoice(format="binary")).headers


@pytest.mark.parametrize(
    "hostile", ["a\r\nx-evil: 1", "a\nb", "\x00", "\x7f", "\u0085", "é", "\u2028", " a ", "%0d%0a"]
)
def test_no_subject_can_break_out_of_its_header(hostile: str):
    event = an_event(subject=hostile)
    headers = rendered(shipped_profile("cloudevents"), event, BodyChoice(format="binary")).headers
    value = headers["ce-subject"]
    assert value.isascii()
    assert value.isprintable()
    assert not set(value) & set(' "')


def test_a_header_that_is_too_long_is_oversize():
    event = an_event(subject="x" * 9_000)
    with pytest.raises(OversizeBody, match="ce-subject") as caught:
        rendered(shipped_profile("cloudevents"), event, BodyChoice(format="binary"))
    assert caught.value.reason is Reason.OVERSIZE


@pytest.mark.parametrize(
    ("occurred", "written"),
    [
        ("2026-03-02T10:10:00Z", "2026-03-02T10:10:00Z"),
        ("2026-03-02T10:10:00.120Z", "2026-03-02T10:10:00.120Z"),
        ("2026-03-02T10:10:00.123456Z", "2026-03-02T10:10:00.123456Z"),
        ("2026-03-02T11:10:00+01:00", "2026-03-02T10:10:00Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_times_are_written_in_utc_with_a_fraction_only_if_there_is_one(occurred: str, written: str):
    event = an_event("1", time_us=time_us(occurred))
    body = rendered(shipped_profile("standard-webhooks"), event).body.decode()
    assert body == f'{{"type":"person.created","timestamp":"{written}","data":1}}'


@pytest.mark.parametrize("time", [2**63 - 1, -(2**63)])
def test_a_time_outside_the_calendar_is_undecodable(time: int):
    with pytest.raises(UndecodableBody, match="time") as caught:
        rendered(shipped_profile("standard-webhooks"), an_event("1", time_us=time))
    assert caught.value.reason is Reason.UNDECODABLE


def test_texts_of_an_event_are_escaped():
    event = an_event("1", type='a"b\\c\n/é')
    assert (
        json.loads(rendered(shipped_profile("standard-webhooks"), event).body)["type"] == event.type
    )
    assert (
        rb'"a\"b\\c\n\/\u00e9"'
        in rendered(shipped_profile("timekit"), event, BodyChoice(template='["$.event.type"]')).body
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ('{"a.b":1,"a":{"b":2}}', "'data.a.b'"),
        ('{"a":1,"a":2}', "'data.a'"),
        (r'{"\u0061":1,"a":2}', "'data.a'"),
        ('{"a.0":1,"a":[2]}', "'data.a.0'"),
    ],
)
def test_colliding_keys_of_a_flat_body_are_undecodable(data: str, says: str):
    with pytest.raises(UndecodableBody, match=says):
        rendered(shipped_profile("calenso"), an_event(data), BodyChoice(format="flat"))


def test_data_that_is_not_json_is_undecodable_each_time_it_is_asked_for():
    values = EventValues(an_event(b'{"a":'))
    body = compile_body(shipped_profile("standard-webhooks"), BodyChoice())
    for endpoint in ("ep_1", "ep_2"):
        with pytest.raises(UndecodableBody, match="not JSON"):
            render(body, values, endpoint_id=endpoint, webhook_id="msg_1")


def test_a_body_that_needs_no_data_does_not_look_at_it():
    body = rendered(
        shipped_profile("standard-webhooks"), an_event(b"\xff"), BodyChoice(template='"$.event.id"')
    ).body
    assert body == b'"evt_1"'


def test_data_over_1_mib_is_oversize():
    profile = shipped_profile("standard-webhooks")
    largest = b'"' + b"x" * ((1 << 20) - 2) + b'"'
    assert largest in rendered(profile, an_event(largest)).body
    with pytest.raises(OversizeBody, match="1048576"):
        rendered(profile, an_event(largest + b" "))


def test_a_template_cannot_multiply_data_beyond_the_largest_body():
    event = an_event(b'"' + b"x" * 1_000_000 + b'"')
    profile = shipped_profile("calenso")
    thrice = BodyChoice(template='["$.event.data","$.event.data","$.event.data"]')
    often = BodyChoice(template=json.dumps(["$.event.data"] * 500))
    assert len(rendered(profile, event, thrice).body) < MAX_BODY_BYTES
    with pytest.raises(OversizeBody, match=str(MAX_BODY_BYTES)):
        rendered(profile, event, often)


def test_long_keys_cannot_multiply_a_flat_body_beyond_the_largest():
    data = f'{{"{"k" * 500_000}":{json.dumps([[1]] * 100_000)}}}'
    with pytest.raises(OversizeBody, match=str(MAX_BODY_BYTES)):
        rendered(shipped_profile("calenso"), an_event(data), BodyChoice(format="flat"))


def test_only_a_body_that_names_the_endpoint_or_the_webhook_differs_between_endpoints():
    def is_shared(profile: str, choice: BodyChoice) -> bool:
        return compile_body(shipped_profile(profile), choice).is_shared

    assert is_shared("standard-webhooks", BodyChoice())
    assert is_shared("calenso", BodyChoice(format="flat"))
    assert is_shared("calenso", BodyChoice(template='{"a?":"$.event.subject","b":1}'))
    assert not is_shared("twelve-build", BodyChoice())
    assert not is_shared("calenso", BodyChoice(template='{"id":"$.webhook.id"}'))
    assert not is_shared("calenso", BodyChoice(template='{"id":[{"x?":"$.endpoint.id","y":0}]}'))


def test_a_body_is_the_same_whoever_shares_the_values_of_its_event():
    event = a_sample("twelve-build.company.updated.json")
    values = EventValues(event)
    for name in ("twelve-build", "twenty", "timekit", "calenso", "cloudevents"):
        body = compile_body(shipped_profile(name), BodyChoice())
        for endpoint in ("ep_1", "ep_2"):
            shared = render(body, values, endpoint_id=endpoint, webhook_id="msg_1")
            assert shared == rendered(shipped_profile(name), event, endpoint=endpoint)


def test_an_unknown_format_is_refused_with_the_nearest():
    with pytest.raises(DocumentError, match="did you mean flat") as caught:
        compile_body(shipped_profile("calenso"), BodyChoice(format="flatt"))
    assert caught.value.pointer == "/format"


def test_a_format_and_a_template_together_are_refused():
    with pytest.raises(DocumentError, match="not both"):
        compile_body(shipped_profile("calenso"), BodyChoice(format="flat", template="1"))


def test_an_endpoints_own_template_follows_its_profiles_json_style_and_content_type():
    profile = read_profile(
        {
            "name": "own",
            "json_style": "php",
            "content_type": "application/json; charset=utf-8",
            "formats": {"plain": {"template": 1}},
        }
    )
    result = rendered(
        profile, an_event('{"u":"a/b"}'), BodyChoice(template='{"ü":"$.event.data.u"}')
    )
    assert result.body == rb'{"\u00fc":"a\/b"}'
    assert result.content_type == "application/json; charset=utf-8"
