"""The `Retry-After` header (RFC 9110, section 10.2.3), read from answers that may be hostile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

LONGEST_RETRY_AFTER_MS: Final = 86_400_000
"""A receiver may move the next attempt by 24 hours, not by years."""

_MAX_CHARS: Final = 64
_SECONDS: Final = re.compile(r"[0-9]+", re.ASCII)
_MAX_SECONDS_DIGITS: Final = 9
_TIME: Final = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
# RFC 9110, section 5.6.7: the form of today, and the two that recipients must still accept.
_DATES: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"\w{{3}}, (?P<day>\d{{2}}) (?P<month>\w{{3}}) (?P<year>\d{{4}}) {_TIME} GMT",
        rf"\w{{6,9}}, (?P<day>\d{{2}})-(?P<month>\w{{3}})-(?P<year>\d{{2}}) {_TIME} GMT",
        rf"\w{{3}} (?P<month>\w{{3}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_MONTHS: Final[Mapping[str, int]] = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
            start=1,
        )
    }
)


def parse_retry_after(value: str, *, now_ms: int) -> int | None:
    """Milliseconds from `now_ms` until the receiver wants the next attempt, 0 to 24 hours.

    None for what is neither whole seconds nor an HTTP date (negative and fractional numbers, lists,
    garbage): then the schedule alone holds. A date in the past is 0.
    """
    text = value.strip(" \t")
    if len(text) > _MAX_CHARS:
        return None
    if _SECONDS.fullmatch(text):
        # Nine digits are 31 years; converting more would only cost time.
        digits = text.lstrip("0")[: _MAX_SECONDS_DIGITS + 1] or "0"
        return min(int(digits) * 1_000, LONGEST_RETRY_AFTER_MS)
    at_ms = _http_date_ms(text, now_ms=now_ms)
    if at_ms is None:
        return None
    return min(max(at_ms - now_ms, 0), LONGEST_RETRY_AFTER_MS)


def _http_date_ms(text: str, *, now_ms: int) -> int | None:
    match = next((found for form in _DATES if (found := form.fullmatch(text))), None)
    if match is None:
        return None
    month = _MONTHS.get(match["month"].lower())
    if month is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == len("94"):
        year = _full_year(year, now_ms=now_ms)
    # 60 is a leap second, which a datetime cannot hold.
    second = min(int(match["second"]), 59)
    clock = (int(match["hour"]), int(match["minute"]), second)
    try:
        at = datetime(year, month, int(match["day"]), *clock, tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) * 1_000


def _full_year(two_digits: int, *, now_ms: int) -> int:
    """A year of two digits that seems more than 50 years ahead is the last one that ends so."""
    this_year = datetime.fromtimestamp(now_ms / 1_000, tz=UTC).year
    year = this_year - this_year % 100 + two_digits
    return year - 100 if year > this_year + 50 else year
