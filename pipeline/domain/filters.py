"""The filter language: which events an endpoint wants, by what they contain.

    {"data.amount": {"$gte": 100}, "$or": [{"subject": "shop/1"}, {"metadata.vip": "yes"}]}

Fields are `type`, `subject`, `time`, `metadata.<name>` and `data.<path>`; several must all hold,
and so must several operators of one field. A bare value means `$eq`. `$and`, `$or` and `$not` take
whole filters, and within a field conditions.

- A field whose value is a list: an operator holds if it holds for any of the items. A name in a
  path that meets a list goes on in each of its items (`data.items.sku`); a number takes one.
- `$neq` and `$nin` are exactly what `$eq` and `$in` are not: with a list, none of the items.
- A field that is not there: nothing holds but `$neq`, `$nin` and `{"$exists": false}`. `null` is
  there, and equals `null` alone.
- Values of different kinds are never equal and never ordered: `"100"` is no number. Numbers compare
  by their value whatever their size (`1.0` is `1`), texts by their characters' code points, and
  `time` as a moment: the operand is a time of RFC 3339.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple, cast

import msgspec

from pipeline.domain.document import DocumentError, below, items_of, members_of, nearest, shown
from pipeline.domain.event_fields import EventFields
from pipeline.domain.filter_fields import FilterField, field_of
from pipeline.domain.filter_operators import OPERATORS, Check, Operands, Operator

MAX_FILTER_BYTES: Final = 16 * 1024
MAX_DEPTH: Final = 8
"""Of filters within filters."""
MAX_CONDITIONS: Final = 100

_DOCUMENT: Final = msgspec.json.Decoder(object, float_hook=Decimal)
_EQUAL: Final = "$eq"
_ALL: Final = "$and"
_ANY: Final = "$or"
_NOT: Final = "$not"
_JOINING: Final = (_ALL, _ANY, _NOT)


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A compiled filter."""

    check: Check

    def admits(self, fields: EventFields) -> bool:
        """Whether the event is wanted.

        Raises:
            UndecodableBody: the filter asks for data that is not JSON in UTF-8, or nested too deep.
            OversizeBody: that is longer than 1 MiB.
        """
        return self.check(fields)


def compile_filter(document: object, pointer: str) -> Filter:
    """A filter out of what was read from JSON or YAML.

    Raises:
        DocumentError: a field, an operator or an operand is none, or the filter is larger than
            `MAX_DEPTH`, `MAX_CONDITIONS` or what its operands may be.
    """
    return Filter(_Compiler().filter(document, pointer, 1))


def compile_filter_text(text: str) -> Filter:
    """A filter out of its JSON text, as an endpoint's record has it. Raises DocumentError."""
    if len(text) > MAX_FILTER_BYTES:
        raise DocumentError("", f"the filter is too long: at most {MAX_FILTER_BYTES} bytes")
    try:
        document = _DOCUMENT.decode(text)
    except (ValueError, ArithmeticError, RecursionError) as exc:
        raise DocumentError("", f"the filter is not JSON: {exc}") from exc
    return compile_filter(document, "")


class _Compiler:
    """Compiles one filter, and counts what it is made of."""

    def __init__(self) -> None:
        self._count = 0
        self._operands = Operands()

    def filter(self, document: object, at: str, depth: int) -> Check:
        self._take(at)
        members = members_of(document, at)
        return _all_of(
            [self._member(name, members[name], below(at, name), depth) for name in members]
        )

    def _member(self, name: str, value: object, at: str, depth: int) -> Check:
        if name in _JOINING:
            return _joined(name, value, at, _Inner(self.filter, depth))
        if name.startswith("$"):
            advice = nearest(name, (*_JOINING, *OPERATORS))
            raise DocumentError(at, f"{shown(name)} cannot stand here without a field: {advice}")
        return self._condition(field_of(name, at), value, at, depth)

    def _condition(self, field: FilterField, value: object, at: str, depth: int) -> Check:
        self._take(at)
        if isinstance(value, list):
            raise DocumentError(at, 'write {"$in": [...]} to take any of several values')
        if not isinstance(value, Mapping):
            return OPERATORS[_EQUAL](field, value, at, self._operands)
        members = members_of(cast("object", value), at)
        if not members:
            raise DocumentError(at, 'give an operator, such as {"$exists": true}')

        def condition(document: object, at: str, depth: int) -> Check:
            return self._condition(field, document, at, depth)

        checks: list[Check] = []
        for name, operand in members.items():
            place = below(at, name)
            if name in _JOINING:
                checks.append(_joined(name, operand, place, _Inner(condition, depth)))
            else:
                checks.append(self._operator(name, place)(field, operand, place, self._operands))
        return _all_of(checks)

    def _operator(self, name: str, at: str) -> Operator:
        if name in OPERATORS:
            return OPERATORS[name]
        advice = nearest(name, (*OPERATORS, *_JOINING))
        if not name.startswith("$"):
            advice = "write what lies within as one field with dots, such as data.customer.id"
        raise DocumentError(at, f"{shown(name)} is no operator: {advice}")

    def _take(self, at: str) -> None:
        self._count += 1
        if self._count > MAX_CONDITIONS:
            raise DocumentError(at, f"too many conditions: at most {MAX_CONDITIONS} in a filter")


class _Inner(NamedTuple):
    """How what is within `$and`, `$or` and `$not` is compiled."""

    compile: Callable[[object, str, int], Check]
    depth: int

    def check(self, document: object, at: str) -> Check:
        if self.depth >= MAX_DEPTH:
            raise DocumentError(at, f"nested too deep: at most {MAX_DEPTH} levels")
        return self.compile(document, at, self.depth + 1)


def _joined(name: str, value: object, at: str, inner: _Inner) -> Check:
    if name == _NOT:
        negated = inner.check(value, at)
        return lambda fields: not negated(fields)
    checks = [inner.check(item, place) for item, place in items_of(value, at)]
    if not checks:
        raise DocumentError(at, "the list is empty: give at least one")
    return _all_of(checks) if name == _ALL else _any_of(checks)


def _all_of(checks: Sequence[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]
    return lambda fields: all(check(fields) for check in checks)


def _any_of(checks: Sequence[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]
    return lambda fields: any(check(fields) for check in checks)
