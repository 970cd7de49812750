from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.type_patterns import (
    InvalidTypePattern,
    check_pattern,
    compile_patterns,
)


@pytest.mark.parametrize(
    ("pattern", "taken", "not_taken"),
    [
        ("person.created", ["person.created"], ["person.updated", "person", "a.person.created"]),
        ("person.*", ["person.created", "person.address.created"], ["person", "personal.created"]),
        ("*.created", ["person.created", "a.b.created"], ["created", "person.recreated"]),
        ("*", ["person.created", "ping"], []),
        ("a.*.z", ["a.b.z", "a.b.c.z", "a.z.z"], ["a.z", "a.b.zz", "b.b.z"]),
        ("*.*", ["a.b", "a.b.c"], ["a"]),
        ("*.b.*", ["a.b.c", "a.b.b.c", "b.b.b"], ["b.c", "a.b", "a.c.d"]),
        ("a.*.*", ["a.b.c", "a.b.c.d"], ["a.b"]),
    ],
)
def test_a_star_stands_for_one_or_more_segments(
    pattern: str, taken: list[str], not_taken: list[str]
):
    matcher = compile_patterns([pattern])
    assert [event_type for event_type in taken if not matcher.matches(event_type)] == []
    assert [event_type for event_type in not_taken if matcher.matches(event_type)] == []


def test_no_patterns_take_every_type():
    assert compile_patterns([]).matches("any.thing")


def test_one_of_several_patterns_is_enough():
    matcher = compile_patterns(["a.b", "person.*", "*.deleted", "x.*.z"])
    assert all(map(matcher.matches, ["a.b", "person.x", "q.deleted", "x.y.z"]))
    assert not any(map(matcher.matches, ["a.c", "q.created", "x.z"]))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "1 to 256"),
        ("a" * 257, "1 to 256"),
        ("a..b", "a segment is empty"),
        (".a", "a segment is empty"),
        ("a.", "a segment is empty"),
        ("per*", r"person\.\*"),
        ("a.**", r"person\.\*"),
        ("a b", "without spaces"),
        ("a\n", "without spaces"),
        ("a\x00", "without spaces"),
    ],
)
def test_what_is_no_pattern_is_refused_with_advice(pattern: str, says: str):
    with pytest.raises(InvalidTypePattern, match=says):
        check_pattern(pattern)
    with pytest.raises(InvalidTypePattern, match=says):
        compile_patterns(["ok", pattern])


def test_too_many_patterns_are_refused():
    with pytest.raises(InvalidTypePattern, match="at most 200"):
        compile_patterns(["a"] * 201)


segments = st.sampled_from(["a", "b", "c", "ab", ""])
types = st.lists(segments, min_size=1, max_size=7).map(".".join)
patterns = st.lists(st.sampled_from(["*", "a", "b", "c", "ab"]), min_size=1, max_size=6).map(
    ".".join
)


def takes(pattern: list[str], event_type: list[str]) -> bool:
    """The definition, tried in every way."""
    if not pattern or not event_type:
        return pattern == event_type
    if pattern[0] == "*":
        return any(
            takes(pattern[1:], event_type[count:]) for count in range(1, len(event_type) + 1)
        )
    return pattern[0] == event_type[0] and takes(pattern[1:], event_type[1:])


@given(st.lists(patterns, min_size=1, max_size=5), types)
def test_compiled_patterns_take_what_the_definition_takes(
    given_patterns: list[str], event_type: str
):
    expected = any(takes(p.split("."), event_type.split(".")) for p in given_patterns)
    assert compile_patterns(given_patterns).matches(event_type) == expected


def test_hostile_patterns_take_no_long_time():
    pattern = ".".join(["*", "a"] * 60)
    event_type = ".".join(["a"] * 5_000 + ["b"])
    assert not compile_patterns([pattern] * 20).matches(event_type)
