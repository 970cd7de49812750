"""JSON as JavaScript re-writes it, for receivers that sign over `JSON.stringify(JSON.parse(body))`.

ECMA-262: QuoteJSONString for text, Number::toString for numbers, OrdinaryOwnPropertyKeys for the
order of keys (array indices first, ascending), and of a key that is given twice the last value at
the first place. Two things to know: integers beyond 2^53 stay as they came, although JavaScript
would round them, because a wrong id is worse than a wrong signature; and a number too large for
JavaScript that is written with a point or an exponent (`1e400`) becomes `null`, as it does there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, cast

import msgspec

_MAX_ARRAY_INDEX: Final = 2**32 - 2
_INDEX_LIKE_KEY: Final = re.compile(rb'"(?:[0-9]|\\u003)[^"]{0,64}":')
_ARRAY_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_MAX_PLAIN_DIGITS: Final = 21
_MIN_PLAIN_EXPONENT: Final = -6
_MAX_DIGITS_OF_AN_INT: Final = 4_000
"""Python converts no more than 4,300 by default."""


def as_javascript_writes(compact: bytes) -> bytes:
    """Valid JSON without white space, re-written."""
    try:
        value: object = _DECODER.decode(compact)
    except msgspec.ValidationError:
        value = _read_with_huge_integers(compact)
    if _INDEX_LIKE_KEY.search(compact):
        value = _indices_first(value)
    return msgspec.json.encode(value)


def number_as_text(literal: str) -> str:
    """What JavaScript writes for a JSON number with a point or an exponent."""
    number = float(literal)
    written = repr(number)
    if written == literal and "e" not in literal and not literal.endswith(".0"):
        return literal
    if number == 0:
        return "0"
    if number in (float("inf"), float("-inf")):
        return "null"
    sign = "-" if number < 0 else ""
    digits, exponent = _shortest_digits(abs(number))
    return sign + _written(digits, exponent)


def is_array_index(key: str) -> bool:
    """Whether JavaScript sorts this key before all others."""
    return bool(_ARRAY_INDEX.fullmatch(key)) and int(key) <= _MAX_ARRAY_INDEX


def _shortest_digits(number: float) -> tuple[str, int]:
    """The fewest digits that read back as the number, and n of 0.digits x 10^n."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    padded = whole + fraction
    digits = padded.lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(padded) - len(digits))
    return digits.rstrip("0"), point


def _written(digits: str, point: int) -> str:
    """Number::toString of ECMA-262; `point` is its n."""
    if len(digits) <= point <= _MAX_PLAIN_DIGITS:
        return digits.ljust(point, "0")
    if 0 < point <= _MAX_PLAIN_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if _MIN_PLAIN_EXPONENT < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"


def _number(literal: str) -> msgspec.Raw:
    return msgspec.Raw(number_as_text(literal).encode())


def _integer(literal: str) -> int | msgspec.Raw:
    return int(literal) if len(literal) < _MAX_DIGITS_OF_AN_INT else msgspec.Raw(literal.encode())


def _read_with_huge_integers(compact: bytes) -> object:
    return json.loads(compact, parse_int=_integer, parse_float=_number)


def _indices_first(value: object) -> object:
    """The same value with the keys in JavaScript's order. Depth is bounded by the caller."""
    if isinstance(value, dict):
        members = cast("Mapping[str, object]", value)
        ordered = [*sorted(filter(is_array_index, members), key=int)]
        ordered += [key for key in members if not is_array_index(key)]
        return {key: _indices_first(members[key]) for key in ordered}
    if isinstance(value, list):
        return [_indices_first(item) for item in cast("list[object]", value)]
    return value


_DECODER: Final = msgspec.json.Decoder(float_hook=_number)
