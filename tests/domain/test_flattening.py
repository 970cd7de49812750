from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.body_problem import OversizeBody, UndecodableBody
from pipeline.domain.flattening import flattened
from tests.domain.json_texts import Tokens, fractions, json_tokens, objects, strings

keys = st.one_of(strings, st.sampled_from(['"a"', '"b"', '"a.b"', '""', '"0"', '"a.0"']))


def flat(text: str, *, limit_bytes: int = 1_000_000) -> str:
    return flattened(text.encode(), limit_bytes=limit_bytes).decode()


@pytest.mark.parametrize(
    ("nested", "expected"),
    [
        ("{}", "{}"),
        ("[[1]]", "[[1]]"),
        ("1", "1"),
        ('{"a":1}', '{"a":1}'),
        ('{"a":{"b":{"c":1}}}', '{"a.b.c":1}'),
        ('{"a":[1,[2,3],{"b":4}]}', '{"a.0":1,"a.1.0":2,"a.1.1":3,"a.2.b":4}'),
        ('{"a":{},"b":[],"c":[[],{}]}', '{"a":{},"b":[],"c.0":[],"c.1":{}}'),
        ('{"":{"":1}}', '{".":1}'),
        (r'{"\u00e9":{"\"":"a,b:{}[]\""}}', r'{"\u00e9.\"":"a,b:{}[]\""}'),
        ('{"n":[1e2,-0,1.50,true,null]}', '{"n.0":1e2,"n.1":-0,"n.2":1.50,"n.3":true,"n.4":null}'),
    ],
)
def test_an_object_is_brought_to_one_level_with_its_literals(nested: str, expected: str):
    assert flat(nested) == expected


class Members(NamedTuple):
    pairs: list[tuple[str, object]]


def read(text: str) -> object:
    return json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=Members)


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """The definition, on what json reads: pairs, so that repeated keys stay."""
    members: list[tuple[str, object]] = []
    if isinstance(value, Members):
        members = value.pairs
    elif isinstance(value, list):
        items = cast("list[object]", value)
        members = [(str(index), item) for index, item in enumerate(items)]
    if not members:
        yield ".".join(path), value
    for key, member in members:
        yield from leaves(member, (*path, key))


@given(objects(keys, json_tokens(fractions, keys)))
def test_flat_has_exactly_the_leaves_of_nested_and_refuses_keys_that_collide(tokens: Tokens):
    nested = "".join(tokens)
    expected = list(leaves(read(nested)))
    if nested == "{}":
        assert flat(nested) == "{}"
    elif max(Counter(key for key, _ in expected).values()) > 1:
        with pytest.raises(UndecodableBody):
            flat(nested)
    else:
        assert read(flat(nested)) == Members(expected)


def test_the_length_is_bounded_while_it_grows():
    nested = json.dumps({"k" * 100: {str(index): 1 for index in range(100)}}, separators=(",", ":"))
    assert len(flat(nested)) > 10_000
    with pytest.raises(OversizeBody, match="10000 bytes"):
        flat(nested, limit_bytes=10_000)
