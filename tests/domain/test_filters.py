"""Filters: by example, against a naive reading of the same rules, and against hostile ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.document import DocumentError
from pipeline.domain.event import Event
from pipeline.domain.event_fields import MAX_LOOKS, MAX_VALUES, EventFields
from pipeline.domain.event_values import EventValues
from pipeline.domain.filter_fields import MAX_PATH_STEPS
from pipeline.domain.filter_operators import MAX_OPERANDS, MAX_TEXT_CHARS
from pipeline.domain.filters import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_FILTER_BYTES,
    compile_filter,
    compile_filter_text,
)
from tests.domain.builders import an_event

EMPTY: dict[str, object] = {}
AN_ORDER = an_event(
    """{"amount": 100.00, "total": 9007199254740993, "paid": true, "note": null, "name": "Zoé",
    "customer": {"id": 5, "tags": ["vip", "eu"]}, "empty": [],
    "items": [{"sku": "A1", "count": 1}, {"sku": "B2", "count": 20, "sizes": [1, 2]}]}""",
    type="order.created",
    subject="shop/1",
    metadata={"project": "north", "a.b": "dotted"},
)


def admits(document: object, event: Event = AN_ORDER) -> bool:
    return compile_filter(document, "").admits(EventFields(EventValues(event)))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": "order.created", "subject": {"$startsWith": "shop/"}},
        {"metadata.project": {"$in": ["south", "north"]}, "metadata.a.b": {"$endsWith": "ted"}},
        {"time": {"$gte": "2026-03-02T13:00:00+01:00", "$lt": "2026-03-02T12:00:00.001Z"}},
        {"time": {"$startsWith": "2026-03-"}},
        {"time": "2026-03-02T12:00:00Z"},
        {"data.amount": 100},
        {"data.amount": {"$gte": 100, "$lte": 100.0, "$gt": 99.999, "$lt": 1e300}},
        {"data.total": 9007199254740993},
        {"data.total": {"$neq": 9007199254740992}},
        {"data.paid": True},
        {"data.note": None},
        {"data.name": {"$gt": "Zo", "$endsWith": "é"}},
        {"data.customer.tags": "vip"},
        {"data.customer.tags": {"$in": ["us", "eu"]}},
        {"data.items.sku": "B2"},
        {"data.items.1.sku": "B2"},
        {"data.items.count": {"$gt": 10, "$lt": 5}},
        {"data.items.sizes": 2},
        {"data.nothing": {"$exists": False}},
        {"data.nothing": {"$neq": 1}},
        {"data.nothing": {"$nin": [1]}},
        {"data.empty": {"$exists": True}},
        {"data.customer": {"$exists": True}},
        {"$or": [{"data.amount": 5}, {"data.customer.id": 5}]},
        {"$and": [{"data.amount": 100}, {"$not": {"data.customer.id": 6}}]},
        {"data.amount": {"$not": {"$gt": 100}}},
        {"data.amount": {"$or": [5, {"$gte": 99}]}},
    ],
    ids=str,
)
def test_admitted(document: dict[str, object]):
    assert admits(document)
    assert not admits({"$not": document})


@pytest.mark.parametrize(
    "document",
    [
        {"type": "order.deleted"},
        {"type": "order.created", "subject": "shop/2"},
        {"data.amount": "100"},
        {"data.amount": {"$gt": "1"}},
        {"data.paid": 1},
        {"data.note": {"$exists": False}},
        {"data.nothing": None},
        {"data.nothing": {"$lt": 5}},
        {"data.note": {"$lte": 5}},
        {"data.total": 9007199254740992},
        {"data.customer": "id"},
        {"data.customer.tags": {"$neq": "vip"}},
        {"data.customer.tags": {"$nin": ["vip"]}},
        {"data.items.0.sku": "B2"},
        {"data.items.2.sku": {"$exists": True}},
        {"data.items.01.sku": "B2"},
        {"data.empty": {"$eq": None}},
        {"data.amount.cents": {"$exists": True}},
        {"data.customer.id": {"$in": []}},
    ],
    ids=str,
)
def test_not_admitted(document: dict[str, object]):
    assert not admits(document)


def test_numbers_of_any_size_and_spelling_compare_exactly():
    event = an_event('{"a": 123456789012345678901234567890.10, "b": 1e400, "c": 1E2, "d": -0.0}')
    assert admits({"data.a": Decimal("123456789012345678901234567890.1")}, event)
    assert not admits({"data.a": Decimal("123456789012345678901234567890.2")}, event)
    assert admits({"data.b": {"$gt": 10**300}, "data.c": 100, "data.d": 0}, event)
    text = '{"data.a": {"$gt": 123456789012345678901234567890.0999999999999999}}'
    assert compile_filter_text(text).admits(EventFields(EventValues(event)))


def test_data_that_are_no_object_are_reached_by_their_items_alone():
    assert admits({"data.0": 1, "data.id": 2}, an_event('[1, {"id": 2}]'))
    assert not admits({"data.0": {"$exists": True}}, an_event("1"))


@pytest.mark.parametrize(
    ("document", "pointer", "text"),
    [
        (5, "", "give an object"),
        ({"data": 1}, "/data", "no field"),
        ({"colour": 1}, "/colour", "no field of an event: known: type, subject"),
        ({"metadata.": 1}, "/metadata.", "no field"),
        ({"data.a..b": 1}, "/data.a..b", "one dot"),
        ({"$eq": 1}, "/$eq", "without a field"),
        ({"data.a": {"$regex": "x"}}, "/data.a/$regex", "no operator: did you mean|known"),
        ({"data.a": {"b": 1}}, "/data.a/b", "one field with dots"),
        ({"data.a": EMPTY}, "/data.a", "give an operator"),
        ({"data.a": [1, 2]}, "/data.a", r"\$in"),
        ({"data.a": {"$in": 1}}, "/data.a/$in", "give a list"),
        ({"data.a": {"$in": [1, EMPTY]}}, "/data.a/$in/1", "give a text, a number"),
        ({"data.a": {"$gt": True}}, "/data.a/$gt", "has no order"),
        ({"data.a": {"$exists": "yes"}}, "/data.a/$exists", "true or false"),
        ({"data.a": {"$startsWith": 5}}, "/data.a/$startsWith", "give a text"),
        ({"data.a": float("nan")}, "/data.a", "give a text, a number"),
        ({"time": {"$gt": 5}}, "/time/$gt", "give a text"),
        ({"time": "yesterday"}, "/time", "not a time"),
        ({"$or": []}, "/$or", "at least one"),
        ({"$and": {"type": "a"}}, "/$and", "give a list"),
        ({"$or": [{"type": {"$n": 1}}]}, "/$or/0/type/$n", "no operator"),
    ],
    ids=str,
)
def test_what_is_no_filter_is_refused_with_its_place(document: object, pointer: str, text: str):
    with pytest.raises(DocumentError, match=text) as caught:
        compile_filter(document, "/filter")
    assert caught.value.pointer == f"/filter{pointer}"


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {"type": "a"}
    for _ in range(depth - 1):
        document = {"$not": document}
    return document


@pytest.mark.parametrize(
    ("largest", "too_large"),
    [
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1)),
        (nested(2), nested(5_000)),
        ({f"data.{n}": n for n in range(MAX_CONDITIONS - 1)}, {f"data.{n}": n for n in range(101)}),
        ({"$or": [EMPTY] * (MAX_CONDITIONS - 1)}, {"$or": [EMPTY] * MAX_CONDITIONS}),
        (
            {"data.a": {"$in": list(range(MAX_OPERANDS))}},
            {"data.a": {"$in": list(range(MAX_OPERANDS + 1))}},
        ),
        ({"data.a": "x" * MAX_TEXT_CHARS}, {"data.a": "x" * (MAX_TEXT_CHARS + 1)}),
        (
            {"data." + ".".join(["a"] * MAX_PATH_STEPS): 1},
            {"data." + ".".join(["a"] * (MAX_PATH_STEPS + 1)): 1},
        ),
        ({"metadata." + "a" * 500: "1"}, {"metadata." + "a" * 5_000: "1"}),
    ],
    ids=["depth", "very deep", "conditions", "filters", "operands", "text", "path", "name"],
)
def test_filters_are_bounded(largest: dict[str, Any], too_large: dict[str, Any]):
    compile_filter(largest, "")
    with pytest.raises(DocumentError, match="at most"):
        compile_filter(too_large, "")


@pytest.mark.parametrize(
    "text", ["{", "[" * 10_000, '{"data.a": 1e99999999999999999999}', "x" * MAX_FILTER_BYTES + "x"]
)
def test_text_that_is_no_filter_is_refused(text: str):
    with pytest.raises(DocumentError):
        compile_filter_text(text)


def test_data_that_cannot_be_read_are_a_problem_only_of_filters_that_ask_for_them():
    event = an_event("[" * 200 + "]" * 200)
    assert admits({"type": "person.created"}, event)
    with pytest.raises(UndecodableBody, match="nested deeper"):
        admits({"data.a": 1}, event)


@pytest.mark.parametrize(
    "data",
    [
        '{"a": 1e99999999999999999999}',
        '{"a": ' + "9" * 1_000_000 + "}",
        '{"a": [[[]]], "a": {"b": null}}',
    ],
)
def test_a_value_that_compares_with_nothing_is_there_all_the_same(data: str):
    event = an_event(data)
    assert admits({"data.a": {"$exists": True, "$neq": 1, "$not": {"$gte": 0}}}, event)


def test_of_long_lists_the_first_values_are_looked_at():
    event = an_event(json.dumps({"a": list(range(MAX_VALUES + 1))}))
    assert admits({"data.a": MAX_VALUES - 1}, event)
    assert not admits({"data.a": MAX_VALUES}, event)


def test_for_one_event_no_more_is_looked_at_than_is_bounded_however_many_filters_ask():
    lists = {f"n{n}": list(range(MAX_VALUES)) for n in range(200)}
    fields = EventFields(EventValues(an_event(json.dumps(lists))))
    found = [compile_filter({f"data.n{n}": MAX_VALUES - 1}, "").admits(fields) for n in range(200)]
    most = MAX_LOOKS // MAX_VALUES
    assert all(found[: most - 5])
    assert not any(found[most + 1 :])


# Against a naive reading.

_SCALARS = (
    st.sampled_from(["", "a", "ab", "b", 0, 1, 1.0, 1.5, 10**30, -2, True, False, None])
    | st.integers(-3, 3)
    | st.text(alphabet="ab", max_size=3)
)
_NAMES = st.sampled_from(["a", "b", "0", "1"])
_DATA = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3)
)
_FIELDS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: "data." + ".".join(names))
_OPERATORS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$neq"]), _SCALARS),
    st.tuples(
        st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
        _SCALARS.filter(lambda value: value is not None and not isinstance(value, bool)),
    ),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(_SCALARS, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.sampled_from(["$startsWith", "$endsWith"]), st.text(alphabet="ab", max_size=2)),
)
_CONDITIONS = _SCALARS | st.lists(_OPERATORS, min_size=1, max_size=2).map(dict)
_FILTERS = st.recursive(
    st.dictionaries(_FIELDS, _CONDITIONS, max_size=2),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$and": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"$or": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"$not": inner}),
    ),
    max_leaves=4,
)


def naive(document: dict[str, Any], data: object) -> bool:
    def holds(name: str, value: Any) -> bool:
        if name == "$and":
            return all(naive(each, data) for each in value)
        if name == "$or":
            return any(naive(each, data) for each in value)
        if name == "$not":
            return not naive(value, data)
        found = at(data, name.split(".")[1:])
        operators = cast("dict[str, Any]", value) if isinstance(value, dict) else {"$eq": value}
        return all(operator(found, key, operand) for key, operand in operators.items())

    return all(holds(name, value) for name, value in document.items())


def at(value: object, path: list[str]) -> list[object]:
    if not path:
        return [value]
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return at(members[step], rest) if step in members else []
    if not isinstance(value, list):
        return []
    items = cast("list[object]", value)
    if step.isdecimal():
        return at(items[int(step)], rest) if int(step) < len(items) else []
    return [found for item in items if not isinstance(item, list) for found in at(item, path)]


def operator(found: list[object], name: str, operand: Any) -> bool:
    if name == "$exists":
        return bool(found) is operand
    if name in ("$neq", "$nin"):
        return not operator(found, {"$neq": "$eq", "$nin": "$in"}[name], operand)
    if name == "$in":
        return any(operator(found, "$eq", each) for each in operand)
    values: list[Any] = []
    for value in found:
        values += cast("list[Any]", value) if isinstance(value, list) else [value]
    same = [value for value in values if kind(value) == kind(operand)]
    tests: dict[str, Callable[[Any], bool]] = {
        "$eq": lambda value: value == operand,
        "$gt": lambda value: value > operand,
        "$gte": lambda value: value >= operand,
        "$lt": lambda value: value < operand,
        "$lte": lambda value: value <= operand,
        "$startsWith": lambda value: value.startswith(operand),
        "$endsWith": lambda value: value.endswith(operand),
    }
    return any(tests[name](value) for value in same)


def kind(value: object) -> str:
    if isinstance(value, bool | None):
        return "literal"
    return "number" if isinstance(value, int | float) else type(value).__name__


@settings(deadline=None, max_examples=400)
@given(_FILTERS, _DATA)
def test_filters_are_what_a_naive_reading_of_the_rules_says(document: dict[str, Any], data: object):
    assert admits(document, an_event(json.dumps(data))) == naive(document, data)


@settings(deadline=None, max_examples=300)
@given(_FILTERS, st.binary(max_size=40) | st.text(alphabet='{}[]",:0a\\ue1.', max_size=30))
def test_no_event_makes_a_filter_raise_anything_but_that_it_is_unreadable(
    document: dict[str, Any], data: bytes | str
):
    with suppress(UndecodableBody):
        admits(document, an_event(data))


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        _SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["$and", "$or", "$not", "$eq", "$in", "$gt", "time", "type", "data.a"]
                ),
                inner,
                max_size=3,
            )
        ),
    )
)
def test_whatever_is_given_is_compiled_or_refused(document: object):
    with suppress(DocumentError):
        compile_filter(document, "/filter")
