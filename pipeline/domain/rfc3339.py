"""Times as they are written (RFC 3339) and as we count them: microseconds since 1970, UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

MIN_TIME_US: Final = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z: RFC 3339 has years of four digits, and dates here have no year 0."""
MAX_TIME_US: Final = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS: Final = 86_400
_SECOND_US: Final = 1_000_000
_MS_US: Final = 1_000
_LEAP_SECOND: Final = "60"
_NOT_IN_CALENDAR: Final = "not within the years 1 to 9999 in UTC"
_FORM: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:([0-9]{2})(?:\.[0-9]{1,40})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


class InvalidTime(ValueError):
    """A text is no time, or one that cannot be written any more; the message says the form."""


def time_us_of(text: str) -> int:
    """Microseconds since 1970 of a time with any offset; finer digits are cut off.

    A leap second is the second after it.

    Raises:
        InvalidTime: it is not a time of RFC 3339, or not within the years 1 to 9999 in UTC.
    """
    form = _FORM.fullmatch(text) or _FORM.fullmatch(text.upper())
    if form is None:
        raise InvalidTime("not a time: write it as 2026-03-02T11:00:00Z or with an offset, +02:00")
    text, leap_us = form[0], 0
    if form[1] == _LEAP_SECOND:
        text = f"{text[: form.start(1)]}59{text[form.end(1) :]}"
        leap_us = _SECOND_US
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError as exc:
        raise InvalidTime(f"not a time: {exc}") from exc
    # A third of the time that dividing by a microsecond takes.
    seconds = since.days * _DAY_SECONDS + since.seconds
    return check_time_us(seconds * _SECOND_US + since.microseconds + leap_us)


def time_text_of(time_us: int) -> str:
    """The time in UTC, with a fraction (3 or 6 digits) only if it is not zero.

    Raises:
        InvalidTime: it is not within the years 1 to 9999.
    """
    seconds, fraction_us = divmod(time_us, _SECOND_US)
    try:
        text = _text_of_second(seconds)
    except OverflowError as exc:
        raise InvalidTime(_NOT_IN_CALENDAR) from exc
    if not fraction_us:
        return text + "Z"
    if fraction_us % _MS_US:
        return f"{text}.{fraction_us:06}Z"
    return f"{text}.{fraction_us // _MS_US:03}Z"


# Where times are written often, many of them lie within one second.
@lru_cache(maxsize=256)
def _text_of_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def check_time_us(time_us: int) -> int:
    """Raises InvalidTime: it is not within the years 1 to 9999."""
    if not MIN_TIME_US <= time_us <= MAX_TIME_US:
        raise InvalidTime(_NOT_IN_CALENDAR)
    return time_us
