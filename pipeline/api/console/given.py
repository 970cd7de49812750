"""What people write into fields: times, lists, numbers, JSON; as the API's documents have it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.api.console.visit import Visit
from pipeline.api.problems import FieldError, invalid

_MOST_DIGITS: Final = 9


def asked_filters(visit: Visit, names: Sequence[str]) -> dict[str, str]:
    """Those of the query that say something."""
    return {name: visit.asked(name) for name in names if visit.asked(name)}


def with_times_in_utc(wanted: Mapping[str, str]) -> dict[str, str | None]:
    """A list's filters, with `since` and `until` as the API reads them."""
    times = {name: in_utc(wanted[name]) for name in ("since", "until") if name in wanted}
    return {**wanted, **times}


def in_utc(text: str) -> str | None:
    """One without its zone is meant in UTC, and may lack its seconds. None: nothing was given."""
    if not text or text.endswith("Z") or "+" in text:
        return text or None
    return f"{text}Z" if text.count(":") > 1 else f"{text}:00Z"


def pieces(text: str) -> list[str]:
    """Words between commas, blanks or line ends."""
    return [piece for piece in re.split(r"[\s,]+", text) if piece]


def whole_number(text: str, pointer: str) -> int | None:
    """None: nothing was given. Raises Problem (422)."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise invalid([FieldError(pointer, "write a whole number")])
    return int(text)


def json_value(text: str, pointer: str) -> object:
    """None: nothing was given. Raises Problem (422)."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise invalid([FieldError(pointer, f"is no JSON: {exc}")]) from exc
