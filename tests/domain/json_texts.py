"""Hypothesis strategies for JSON as it is written: tokens, so that a test knows every literal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, cycle

from hypothesis import strategies as st

Tokens = tuple[str, ...]

PLAIN_CHARS = st.characters(codec="utf-8", exclude_characters='"\\', min_codepoint=0x20)
ESCAPES = st.sampled_from(
    [
        r"\"",
        r"\\",
        r"\/",
        r"\b",
        r"\f",
        r"\n",
        r"\r",
        r"\t",
        r"\u0000",
        r"\u001F",
        r"\u0022",
        r"\u005c",
        r"\u002F",
        r"\u0041",
        r"\u0030",
        r"\u007f",
        r"\u00E9",
        r"\u00e9",
        r"\u2028",
        r"\ud83d\ude00",
        r"\uD83D\uDE00",
        "/",
        "é",
        "😀",
    ]
)
strings = st.lists(st.one_of(ESCAPES, PLAIN_CHARS), max_size=8).map(lambda s: f'"{"".join(s)}"')
index_like_keys = st.sampled_from(
    [
        '"0"',
        '"1"',
        '"2"',
        '"10"',
        '"01"',
        '"-1"',
        '"1.5"',
        '"4294967294"',
        '"4294967295"',
        r'"\u0031"',
    ]
)
small_integers = st.one_of(
    st.integers(-(2**53), 2**53).map(str), st.sampled_from(["-0", "0", "9007199254740992"])
)
fractions = st.one_of(
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,22})\.[0-9]{1,22}\Z"),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?[eE][+-]?[0-9]{1,3}\Z"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1.0", "1e2", "1e21", "1e20", "1E-6", "1e-7", "-0.0", "5e-324", "1e400"]),
)
huge_integers = st.from_regex(r"\A-?[1-9][0-9]{16,60}\Z")
words = st.sampled_from(["true", "false", "null"])


def json_tokens(
    numbers: st.SearchStrategy[str], keys: st.SearchStrategy[str] = strings
) -> st.SearchStrategy[Tokens]:
    """Any JSON value, as the tokens it is written with."""
    leaves = st.one_of(numbers, strings, words).map(lambda literal: (literal,))
    return st.recursive(
        leaves, lambda inner: st.one_of(arrays(inner), objects(keys, inner)), max_leaves=12
    )


def arrays(items: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    return st.lists(items, max_size=4).map(lambda found: ("[", *_separated(found), "]"))


def objects(
    keys: st.SearchStrategy[str], values: st.SearchStrategy[Tokens]
) -> st.SearchStrategy[Tokens]:
    members = st.tuples(keys, values).map(lambda member: (member[0], ":", *member[1]))
    return st.lists(members, max_size=4).map(lambda found: ("{", *_separated(found), "}"))


spaces = st.lists(st.sampled_from(["", " ", "\n", "\t", "\r\n  "]), min_size=1, max_size=5)


def spread(tokens: Tokens, gaps: Sequence[str]) -> str:
    """The same JSON with white space between its tokens."""
    return "".join(chain.from_iterable(zip(cycle(gaps), tokens, strict=False))) + gaps[0]


def _separated(parts: Sequence[Tokens]) -> Tokens:
    return tuple(
        chain.from_iterable((",", *part) if index else part for index, part in enumerate(parts))
    )
