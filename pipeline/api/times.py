"""Times as requests and answers write them."""

from __future__ import annotations

from typing import Any, Final

from pipeline.api.problems import FieldError, invalid
from pipeline.domain.rfc3339 import InvalidTime, time_text_of, time_us_of

TIME_SCHEMA: Final[dict[str, Any]] = {"format": "date-time", "examples": ["2026-03-02T11:00:00Z"]}
_US_IN_MS: Final = 1_000


def time_text(time_ms: int | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if time_ms is None else time_text_of(time_ms * _US_IN_MS)


def read_time_ms(text: str | None, *, pointer: str) -> int | None:
    """Raises Problem (422)."""
    if text is None:
        return None
    try:
        return time_us_of(text) // _US_IN_MS
    except InvalidTime as exc:
        raise invalid([FieldError(pointer, str(exc))]) from exc
