from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.document import DocumentError
from pipeline.domain.json_style import JsonStyle
from pipeline.domain.template import (
    MAX_DEPTH,
    MAX_REFERENCES,
    MAX_TEXT_BYTES,
    compile_template,
)
from tests.domain.builders import an_event, rendered_text

EVENT = an_event(
    '{"customer": {"id": 1e2, "name": "Zo\\u00eb"}, "items": [{"id": 7}, []],'
    ' "none": null, "0": "zero"}',
    type="appointment.booking.created",
    subject="company/1",
    metadata={"trace.id": "t", "empty": ""},
)


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("$.event.id", '"evt_1"'),
        ("$.event.type", '"appointment.booking.created"'),
        ("$.event.object", '"appointment.booking"'),
        ("$.event.action", '"created"'),
        ("$.event.time", '"2026-03-02T12:00:00Z"'),
        ("$.event.account", '"acme"'),
        ("$.event.source", '"/accounts/acme"'),
        ("$.event.subject", '"company/1"'),
        ("$.event.metadata", '{"trace.id":"t","empty":""}'),
        ("$.event.metadata.trace.id", '"t"'),
        ("$.event.metadata.empty", '""'),
        ("$.event.metadata.missing", "null"),
        ("$.event.metadata.", "null"),
        ("$.event.data.customer", r'{"id":1e2,"name":"Zo\u00eb"}'),
        ("$.event.data.customer.id", "1e2"),
        ("$.event.data.customer.name", r'"Zo\u00eb"'),
        ("$.event.data.items", '[{"id":7},[]]'),
        ("$.event.data.items.0.id", "7"),
        ("$.event.data.items.1", "[]"),
        ("$.event.data.0", '"zero"'),
        ("$.event.data.none", "null"),
        ("$.event.data.none.deeper", "null"),
        ("$.event.data.missing", "null"),
        ("$.event.data.customer.name.0", "null"),
        ("$.event.data.items.2", "null"),
        ("$.event.data.items.-1", "null"),
        ("$.event.data.items.00", "null"),
        ("$.event.data.items.٠", "null"),
        ("$.event.data.items.99999999999999999999", "null"),
        ("$.event.data.items.id", "null"),
        ("$.event.data.", "null"),
        ("$.endpoint.id", '"ep_1"'),
        ("$.webhook.id", '"msg_1"'),
    ],
)
def test_a_reference_is_replaced_by_its_value(reference: str, value: str):
    assert rendered_text(json.dumps(reference), EVENT) == value
    assert rendered_text(json.dumps({"a": [1, reference]}), EVENT) == f'{{"a":[1,{value}]}}'


def test_the_type_without_a_dot_is_the_object_and_has_no_action():
    event = an_event(type="ping")
    assert rendered_text('["$.event.object","$.event.action"]', event) == '["ping",null]'


def test_what_is_no_reference_stays():
    template = r'{"a":[true,false,null,-0.50,1E5,"x","$","$x.event","a $.event.id"],"":{},"e":[]}'
    assert rendered_text(template, EVENT) == template


@pytest.mark.parametrize(
    ("written", "literal"),
    [("$$.event.id", "$.event.id"), ("$$$.a", "$$.a"), ("$$", "$$"), ("$$a", "$$a")],
)
def test_a_doubled_dollar_stands_for_one_before_a_dot(written: str, literal: str):
    assert rendered_text(json.dumps([written]), EVENT) == json.dumps([literal])


@pytest.mark.parametrize(
    ("template", "with_subject", "without"),
    [
        ('{"s?":"$.event.subject","a":1}', '{"s":"x","a":1}', '{"a":1}'),
        ('{"a":1,"s?":"$.event.subject"}', '{"a":1,"s":"x"}', '{"a":1}'),
        ('{"a":1,"s?":"$.event.subject","b":2}', '{"a":1,"s":"x","b":2}', '{"a":1,"b":2}'),
        (
            '{"s?":"$.event.subject","t?":"$.event.subject","a":1,"u?":"$.event.subject"}',
            '{"s":"x","t":"x","a":1,"u":"x"}',
            '{"a":1}',
        ),
        ('{"s??":"$.event.subject","a":1}', '{"s?":"x","a":1}', '{"s?":null,"a":1}'),
        ('{"ok??":true}', '{"ok?":true}', '{"ok?":true}'),
    ],
)
def test_a_name_that_ends_in_a_question_mark_is_left_out_where_there_is_no_value(
    template: str, with_subject: str, without: str
):
    assert rendered_text(template, an_event(subject="x")) == with_subject
    assert rendered_text(template, an_event(subject=None)) == without


def test_a_null_in_the_data_is_a_value_and_not_left_out():
    template = '{"a?":"$.event.data.none","b?":"$.event.data.missing","c":1}'
    assert rendered_text(template, EVENT) == '{"a":null,"c":1}'


def test_of_a_key_given_twice_in_the_data_the_last_counts():
    event = an_event('{"a":{"b":1},"a":{"b":2}}')
    assert rendered_text('"$.event.data.a.b"', event) == "2"


def test_a_template_in_javascript_style_has_its_keys_in_javascripts_order():
    template = '{"b":1.0,"2":"$.event.id","10":[],"1?":"$.event.subject"}'
    written = rendered_text(template, an_event(), profile="twenty")
    assert written == '{"2":"evt_1","10":[],"b":1}'


@pytest.mark.parametrize(
    ("template", "pointer", "says"),
    [
        ('{"a":["$.event.tpye"]}', "/a/0", r"did you mean \$\.event\.type"),
        ('{"a/b":"$.endpoint.url"}', "/a~1b", r"\$\.endpoint\.id"),
        ('"$.event"', "", "stands for nothing"),
        ('"$.5 off"', "", r"starts with \$\$"),
        ('"$.event.type.x"', "", "stands for nothing"),
        ('{"a":1,"a":2}', "/a", "twice"),
        ('{"a":1,"a?":"$.event.id"}', "/a?", "twice"),
        ('{"a?":1,"b":2}', "/a?", r"\?\?"),
        ('{"a?":"$.event.id"}', "", "at least one name"),
        ("{", "", "not JSON"),
        ("", "", "not JSON"),
        ("[1] 2", "", "not JSON"),
        ("[NaN]", "", "NaN is not JSON"),
        (r'["\ud800"]', "/0", "surrogate"),
        (r'{"\ud800":1}', "/\ud800", "surrogate"),
        ("[" * 33 + "]" * 33, "/0" * 32, "32 levels"),
        ("[" * 30_000 + "]" * 30_000, "", "32 levels"),
        (json.dumps(["$.event.id"] * 501), "/500", "at most 500"),
        (json.dumps("x" * MAX_TEXT_BYTES), "", "65536 bytes"),
    ],
)
def test_a_template_that_is_wrong_is_refused_at_its_place(template: str, pointer: str, says: str):
    with pytest.raises(DocumentError, match=says) as caught:
        compile_template(template, JsonStyle.COMPACT)
    assert caught.value.pointer == pointer


def test_the_largest_template_allowed_renders():
    deepest = "[" * (MAX_DEPTH - 1) + "{}" + "]" * (MAX_DEPTH - 1)
    assert rendered_text(deepest, EVENT) == deepest
    most = json.dumps(["$.event.data.customer.id"] * MAX_REFERENCES)
    assert rendered_text(most, EVENT) == f"[{','.join(['1e2'] * MAX_REFERENCES)}]"


plain_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text().filter(lambda s: s[:1] != "$")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text().filter(lambda s: s[-1:] != "?"), inner, max_size=4),
    ),
    max_leaves=15,
)


@given(plain_json, st.sampled_from(["standard-webhooks", "timekit", "twenty"]))
def test_a_template_without_references_renders_as_itself(value: object, profile: str):
    assert json.loads(rendered_text(json.dumps(value), EVENT, profile=profile)) == value


@given(plain_json)
def test_any_data_takes_the_place_of_its_reference(value: object):
    event = an_event(json.dumps(value))
    body = rendered_text('{"before":1,"data":"$.event.data","after":2}', event)
    assert json.loads(body) == {"before": 1, "data": value, "after": 2}
