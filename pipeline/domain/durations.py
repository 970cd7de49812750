"""Durations as people write them (`500ms`, `5s`, `1m`, `2h`, `3d`), and in milliseconds."""

from __future__ import annotations

import re
from typing import Final

MS_PER_UNIT: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MAX_DURATION_MS: Final = 3_650 * MS_PER_UNIT["d"]
"""Ten years: a longer one is a slip of the pen, and would overflow dates further on."""

_WELL_FORMED: Final = re.compile(r"([0-9]{1,15})(ms|s|m|h|d)", re.ASCII)
_MAX_QUOTED_CHARS: Final = 40
_LOOSE_PART: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([a-z]+)", re.ASCII)
_LOOSE_UNITS: Final = {
    **MS_PER_UNIT,
    **dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds", "millis"), 1),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), 1_000),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60_000),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), 3_600_000),
    **dict.fromkeys(("day", "days"), 86_400_000),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400_000),
}


class InvalidDuration(ValueError):
    """A text is no duration; the message quotes it and gives the nearest one that is."""


def parse_duration(text: str) -> int:
    """Milliseconds of a duration, 0 to ten years.

    Raises:
        InvalidDuration: it is not a whole number and one of ms, s, m, h, d, or it is too long.
    """
    match = _WELL_FORMED.fullmatch(text)
    if match is None:
        raise InvalidDuration(f"{_quoted(text)} is not a duration: {_advice(text)}")
    duration_ms = int(match[1]) * MS_PER_UNIT[match[2]]
    if duration_ms > MAX_DURATION_MS:
        raise InvalidDuration(
            f"{_quoted(text)} is too long: at most {format_duration(MAX_DURATION_MS)}"
        )
    return duration_ms


def format_duration(duration_ms: int) -> str:
    """The shortest text that `parse_duration` reads back: the largest unit that divides it."""
    if duration_ms < 0:
        raise ValueError(f"a duration is not negative: {duration_ms} ms")
    if duration_ms == 0:
        return "0s"
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if not duration_ms % MS_PER_UNIT[unit])
    return f"{duration_ms // MS_PER_UNIT[unit]}{unit}"


def _advice(text: str) -> str:
    form = "write a whole number and one of ms, s, m, h, d"
    bare = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", bare, re.ASCII):
        return f"{form}, such as {int(bare)}s"
    nearest_ms = _nearest_ms(bare.lower())
    example = "90s" if nearest_ms is None else format_duration(nearest_ms)
    return f"{form}, such as {example}"


def _nearest_ms(text: str) -> int | None:
    """What `5 s`, `1.5h`, `1h30m`, `PT5M` or `5 minutes` probably mean."""
    squeezed = re.sub(r"[\s,_]", "", text[:_MAX_QUOTED_CHARS])
    squeezed = re.sub(r"^pt?(?=[0-9])|(?<=[0-9]d)t(?=[0-9])", "", squeezed)
    parts = _LOOSE_PART.findall(squeezed)
    if not parts or "".join(number + unit for number, unit in parts) != squeezed:
        return None
    if any(unit not in _LOOSE_UNITS for _, unit in parts):
        return None
    total_ms = round(sum(float(number) * _LOOSE_UNITS[unit] for number, unit in parts))
    return total_ms if total_ms <= MAX_DURATION_MS else None


def _quoted(text: str) -> str:
    shown = text if len(text) <= _MAX_QUOTED_CHARS else text[:_MAX_QUOTED_CHARS] + "..."
    return repr(shown)
