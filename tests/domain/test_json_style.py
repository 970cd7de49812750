from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.javascript_json import number_as_text
from pipeline.domain.json_style import MAX_DEPTH, JsonStyle, styled
from tests.domain.json_texts import (
    Tokens,
    fractions,
    huge_integers,
    index_like_keys,
    json_tokens,
    small_integers,
    spaces,
    spread,
    strings,
)

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None, reason="node, the judge of this style, is not installed"
)

any_number = st.one_of(small_integers, fractions, huge_integers)
javascript_number = st.one_of(small_integers, fractions)
any_key = st.one_of(strings, index_like_keys)


def javascript(texts: Sequence[str]) -> list[str]:
    """What `JSON.stringify(JSON.parse(text))` makes of each."""
    script = (
        "const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "process.stdout.write(JSON.stringify(texts.map(t => JSON.stringify(JSON.parse(t)))))"
    )
    done = subprocess.run(
        ["node", "-e", script],  # noqa: S607 - whichever node this machine has
        input=json.dumps(texts).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def styled_text(text: str, style: JsonStyle) -> str:
    return styled(text.encode(), style).decode()


@pytest.mark.parametrize("style", JsonStyle)
def test_white_space_goes_and_order_stays(style: JsonStyle):
    assert (
        styled(b' { "b" : [ 1 , true ] ,\r\n\t"a" : null } ', style) == b'{"b":[1,true],"a":null}'
    )


@given(json_tokens(any_number), spaces)
def test_compact_keeps_every_literal(tokens: Tokens, gaps: list[str]):
    assert styled_text(spread(tokens, gaps), JsonStyle.COMPACT) == "".join(tokens)


def test_compact_keeps_numbers_of_any_size_and_escapes_of_any_kind():
    literal = rb'[1.0,1e2,-0,1E+400,123456789012345678901234567890,"\u00E9\/\u0041","\ud83d\ude00"]'
    assert styled(literal, JsonStyle.COMPACT) == literal
    digits = b"9" * 100_000
    assert styled(digits, JsonStyle.COMPACT) == digits


@pytest.mark.parametrize("style", JsonStyle)
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b"[NaN]", "not JSON"),
        (b"[Infinity]", "not JSON"),
        (b"[01]", "not JSON"),
        (b"[1.]", "not JSON"),
        (b"[.5]", "not JSON"),
        (b"[+1]", "not JSON"),
        (b'["\x01"]', "not JSON"),
        (rb'["\x41"]', "not JSON"),
        (rb'["\ud800"]', "not JSON"),
        (rb'["\udc00 \ud800"]', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\xc0\xaf"', "not UTF-8"),
        (b"[" * 129 + b"]" * 129, "deeper than 128"),
        (b'{"a":' * 129 + b"1" + b"}" * 129, "deeper than 128"),
        (b"[" * 500_000 + b"]" * 500_000, "deeper than 128"),
        (b"[" * 1_000_000, "deeper than 128"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(style: JsonStyle, data: bytes, says: str):
    with pytest.raises(UndecodableBody, match=says):
        styled(data, style)


@pytest.mark.parametrize("style", JsonStyle)
def test_the_deepest_data_allowed_is_taken_however_many_brackets_it_has(style: JsonStyle):
    deepest = b"[" * MAX_DEPTH + b'"]]}}[[[["' + b"]" * MAX_DEPTH
    many = b"[" + b",".join([b"{}"] * 10_000) + b"]"
    assert styled(deepest, style) == deepest
    assert styled(many, style) == many


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ('"a/b"', r'"a\/b"'),
        (r'"a\/b"', r'"a\/b"'),
        ('"é"', r'"\u00e9"'),
        (r'"\u00E9"', r'"\u00e9"'),
        ('"Æbleskiver"', r'"\u00c6bleskiver"'),
        ('"😀"', r'"\ud83d\ude00"'),
        (r'"\uD83D\uDE00"', r'"\ud83d\ude00"'),
        (r'"\u0041\u002F\u0022\u005C"', r'"A\/\"\\"'),
        (r'"\u0008\u000c\u000a\u000d\u0009\u001F"', r'"\b\f\n\r\t\u001f"'),
        (r'"\\u00E9"', r'"\\u00E9"'),
        (r'"\\\u00E9"', r'"\\\u00e9"'),
        (r'"\u005c\u0075\u0030\u0030\u0037\u0066"', r'"\\u007f"'),
        ('"\x7f"', '"\x7f"'),
        (r'"\u007F"', '"\x7f"'),
        ('"\u2028<>&\'"', '"\\u2028<>&\'"'),
        ('{"a/é":1.0}', r'{"a\/\u00e9":1.0}'),
        ("[1.0,1e2,123456789012345678901234567890]", "[1.0,1e2,123456789012345678901234567890]"),
        (r'["plain","with \" quote"]', r'["plain","with \" quote"]'),
    ],
)
def test_text_is_written_as_php_writes_it(given_text: str, written: str):
    assert styled_text(given_text, JsonStyle.PHP) == written


@given(json_tokens(any_number), spaces)
def test_php_is_ascii_escapes_every_slash_and_reads_back_the_same(tokens: Tokens, gaps: list[str]):
    text = spread(tokens, gaps)
    written = styled_text(text, JsonStyle.PHP)
    assert written.isascii()
    assert "/" not in written.replace(r"\/", "")
    assert not re.search(r"\\u[0-9a-f]{0,3}[A-F]", written.replace(r"\\", ""))
    assert exact(written) == exact(text)
    assert styled_text(written, JsonStyle.PHP) == written


def exact(text: str) -> object:
    """What is read, numbers as they are written and members in their order."""
    return json.loads(
        text, parse_int=str, parse_float=str, object_pairs_hook=lambda pairs: ("object", pairs)
    )


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ("1.0", "1"),
        ("1e2", "100"),
        ("100e-2", "1"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("-1e-400", "0"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("-1.5e300", "-1.5e+300"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("1.25e-9", "1.25e-9"),
        ("5e-324", "5e-324"),
        ("123456789012345680000.0", "123456789012345680000"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("9007199254740993", "9007199254740993"),
        ("-123456789012345678901234567890", "-123456789012345678901234567890"),
        ("9007199254740993.0", "9007199254740992"),
        ("[1e400,-1e400]", "[null,null]"),
        ('{"b":1,"10":2,"a":3,"2":4}', '{"2":4,"10":2,"b":1,"a":3}'),
        ('{"a":{"x":0,"1":1},"0":[{"y":0,"0":1}]}', '{"0":[{"0":1,"y":0}],"a":{"1":1,"x":0}}'),
        ('{"4294967295":1,"4294967294":2,"01":3}', '{"4294967294":2,"4294967295":1,"01":3}'),
        ('{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'),
        (r'"\u00e9\/\u007f\u2028\u0041"', '"é/\x7f\u2028A"'),
        (r'"\u0000\b\f\n\r\t\"\\\u001F"', r'"\u0000\b\f\n\r\t\"\\\u001f"'),
    ],
)
def test_values_are_written_as_javascript_writes_them(given_text: str, written: str):
    assert styled_text(given_text, JsonStyle.JAVASCRIPT) == written


def test_an_integer_too_long_for_python_is_kept_in_javascript_style():
    digits = "-" + "9" * 5_000
    written = styled_text(f'{{"n": {digits}, "1": 1.0}}', JsonStyle.JAVASCRIPT)
    assert written == f'{{"1":1,"n":{digits}}}'


@needs_node
@settings(max_examples=25, deadline=None)
@given(st.lists(json_tokens(javascript_number, any_key), min_size=1, max_size=60), spaces)
def test_node_writes_the_same(documents: list[Tokens], gaps: list[str]):
    texts = [spread(tokens, gaps) for tokens in documents]
    assert [styled_text(text, JsonStyle.JAVASCRIPT) for text in texts] == javascript(texts)


@needs_node
@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=2_000))
def test_node_writes_floats_the_same(numbers: list[float]):
    literals = [repr(number) for number in numbers]
    text = f"[{','.join(literals)}]"
    assert [number_as_text(literal) for literal in literals] == javascript([text])[0][1:-1].split(
        ","
    )


@given(json_tokens(any_number, any_key))
def test_javascript_style_leaves_its_own_writing_alone(tokens: Tokens):
    written = styled_text("".join(tokens), JsonStyle.JAVASCRIPT)
    assert styled_text(written, JsonStyle.JAVASCRIPT) == written
