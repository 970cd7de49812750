"""The operators of a filter: each makes a check of a field and an operand."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from pipeline.domain.document import DocumentError, items_of, shown, text_of
from pipeline.domain.event_fields import EventFields, Literal, Scalar, number_of
from pipeline.domain.filter_fields import FilterField
from pipeline.domain.rfc3339 import InvalidTime, time_us_of

MAX_OPERANDS: Final = 1_000
"""Of one filter."""
MAX_TEXT_CHARS: Final = 16 * 1024
"""Of all texts of a filter's operands together."""

Check = Callable[[EventFields], bool]
_Ordered = Callable[[Any, Any], bool]
_SCALARS: Final = "a text, a number, true, false or null"


class Operands:
    """Reads the operands of one filter, and bounds them."""

    def __init__(self) -> None:
        self._count = 0
        self._chars = 0

    def scalar(self, value: object, pointer: str, *, is_time: bool) -> Scalar:
        """One value to compare with. Raises DocumentError."""
        self._count += 1
        if self._count > MAX_OPERANDS:
            raise DocumentError(pointer, f"too many values: at most {MAX_OPERANDS} in a filter")
        if is_time:
            return _time_us(value, pointer)
        if isinstance(value, str):
            return self._text(value, pointer)
        if value is None or isinstance(value, bool):
            return Literal(value)
        number = number_of(str(value)) if isinstance(value, int | float | Decimal) else None
        if number is None:
            raise DocumentError(pointer, f"{shown(value)}: give {_SCALARS}")
        return number

    def text(self, value: object, pointer: str) -> str:
        """A text. Raises DocumentError."""
        return self._text(text_of(value, pointer), pointer)

    def _text(self, text: str, pointer: str) -> str:
        self._chars += len(text)
        if self._chars > MAX_TEXT_CHARS:
            raise DocumentError(pointer, f"too long: at most {MAX_TEXT_CHARS} characters a filter")
        return text


Operator = Callable[[FilterField, object, str, Operands], Check]
"""Compiles one operator with its operand. Raises DocumentError."""


def _time_us(value: object, pointer: str) -> int:
    try:
        return time_us_of(text_of(value, pointer))
    except InvalidTime as exc:
        raise DocumentError(pointer, str(exc)) from exc


def _equal(field: FilterField, value: object, at: str, operands: Operands) -> Check:
    wanted = operands.scalar(value, at, is_time=field.is_time)
    read = field.read
    return lambda fields: wanted in read(fields).values


def _one_of(field: FilterField, value: object, at: str, operands: Operands) -> Check:
    wanted = frozenset(
        operands.scalar(item, place, is_time=field.is_time) for item, place in items_of(value, at)
    )
    read = field.read
    return lambda fields: not wanted.isdisjoint(read(fields).values)


def _ordered(holds: _Ordered) -> Operator:
    def compile_ordered(field: FilterField, value: object, at: str, operands: Operands) -> Check:
        limit = operands.scalar(value, at, is_time=field.is_time)
        if isinstance(limit, Literal):
            raise DocumentError(at, f"{shown(value)} has no order: give a number or a text")
        kind = str if isinstance(limit, str) else (int, Decimal)
        read = field.read
        return lambda fields: any(
            isinstance(each, kind) and holds(each, limit) for each in read(fields).values
        )

    return compile_ordered


def _begins(field: FilterField, value: object, at: str, operands: Operands) -> Check:
    wanted = operands.text(value, at)
    read = field.read_text
    return lambda fields: any(
        isinstance(each, str) and each.startswith(wanted) for each in read(fields).values
    )


def _ends(field: FilterField, value: object, at: str, operands: Operands) -> Check:
    wanted = operands.text(value, at)
    read = field.read_text
    return lambda fields: any(
        isinstance(each, str) and each.endswith(wanted) for each in read(fields).values
    )


def _exists(field: FilterField, value: object, at: str, _: Operands) -> Check:
    if not isinstance(value, bool):
        raise DocumentError(at, f"{shown(value)}: give true or false")
    read = field.read
    return lambda fields: read(fields).exists is value


def _negated(compile_operator: Operator) -> Operator:
    def compile_negated(field: FilterField, value: object, at: str, operands: Operands) -> Check:
        check = compile_operator(field, value, at, operands)
        return lambda fields: not check(fields)

    return compile_negated


OPERATORS: Final[dict[str, Operator]] = {
    "$eq": _equal,
    "$neq": _negated(_equal),
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
    "$in": _one_of,
    "$nin": _negated(_one_of),
    "$exists": _exists,
    "$startsWith": _begins,
    "$endsWith": _ends,
}
