"""Numbers, times and states as pages write them."""

from __future__ import annotations

import re
from typing import Final

from pipeline.domain.rfc3339 import time_us_of

_US_PER_MS: Final = 1_000
_SECOND_MS: Final = 1_000
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_NONE: Final = "\N{EN DASH}"
_DIGITS_FROM: Final = 10
_SECONDS_FROM_MS: Final = 1_000

TONES: Final = {
    "delivered": "good",
    "accepted": "good",
    "active": "good",
    "retrying": "warn",
    "pending": "calm",
    "held": "warn",
    "inactive": "bad",
    "dead": "bad",
    "dropped": "calm",
    "counting": "calm",
    "running": "warn",
    "done": "good",
    "cancelled": "calm",
    "failed": "bad",
    "refused": "bad",
    "timed_out": "bad",
    "unreachable": "bad",
    "blocked": "bad",
}
"""The colour beside each state's word."""
WORDS: Final = {
    "timed_out": "timed out",
    "trigger_again": "triggered again",
    "event_type": "event type",
    "endpoint_removed": "endpoint removed",
    "endpoint_unavailable": "endpoint unavailable",
    "no_subject": "no subject",
    "none": "no answer",
    "next_attempt": "attempt",
    "due_at": "due",
}


_DONE: Final = {
    "created": "The endpoint is created.",
    "changed": "The change is saved.",
    "removed": "The endpoint is removed.",
    "activated": "The endpoint receives again.",
    "deactivated": "The endpoint receives nothing until it is activated again.",
    "rotated": "The endpoint has another secret.",
    "tested": "A sample is on its way; this is its delivery.",
    "retried": "Its next attempt is made now.",
    "dropped": "It is sent no more.",
    "account_made": "The account is made.",
    "account_removed": "The account is removed, and all that was its.",
    "described": "The event type is described.",
    "forgotten": "The event type is described no more.",
    "revoked": "The key is revoked: nobody comes in with it any more.",
    "related_no_more": "The relation is removed.",
    "cancelled": "Nothing more is written; what was written is sent.",
    "triggered": "It is sent again; this is the new delivery.",
    "none_selected": "Nothing was selected.",
}
"""What a page says after a change, by the word in its address; an address says nothing else."""
_COUNTED: Final = re.compile(r"([0-9]{1,3}) triggered again")


def done_text(done: str) -> str | None:
    """None where there is nothing to say."""
    counted = _COUNTED.fullmatch(done)
    return f"{counted[1]} triggered again." if counted else _DONE.get(done)


def tone(state: object) -> str:
    """The class of a state's mark."""
    return TONES.get(str(state), "calm")


def word(state: object) -> str:
    """A state as people say it."""
    text = str(state)
    return WORDS.get(text, text)


def code_tone(code: object) -> str:
    """The class of an HTTP status."""
    text = str(code)
    return {"2": "good", "3": "warn", "4": "bad", "5": "bad"}.get(text[:1], "calm")


def count(value: float | None) -> str:
    """With a thin space between thousands."""
    return _NONE if value is None else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def rate(value: float) -> str:
    """So many a second."""
    return count(value) if value >= _DIGITS_FROM or not value else f"{value:.1f}"


def share(value: float | None) -> str:
    """A percentage. Never 100 % where something failed."""
    if value is None:
        return _NONE
    if 0.999 < value < 1:  # noqa: PLR2004 - where rounding would hide it
        return f"{value * 100:.2f} %"
    return f"{value * 100:.1f} %" if value not in {0, 1} else f"{value * 100:.0f} %"


def milliseconds(value: float | None) -> str:
    """A short duration."""
    if value is None:
        return _NONE
    if value >= _SECONDS_FROM_MS:
        return f"{value / _SECOND_MS:.2f} s"
    return f"{value:.0f} ms" if value >= _DIGITS_FROM else f"{value:.1f} ms"


def duration(value_ms: float | None) -> str:
    """In its two largest units at most."""
    if value_ms is None:
        return _NONE
    if value_ms < _SECOND_MS:
        return f"{value_ms:.0f} ms"
    left = int(value_ms)
    parts: list[str] = []
    for unit_ms, name in _UNITS:
        if left >= unit_ms:
            parts.append(f"{left // unit_ms} {name}")
            left %= unit_ms
        elif parts:
            break
    return " ".join(parts[:2])


def age(text: str | None, now_ms: int) -> str:
    """How long ago a time was, or in how long it is."""
    if not text:
        return _NONE
    since_ms = now_ms - time_ms(text)
    if abs(since_ms) < _SECOND_MS:
        return "now"
    lasting = duration(abs(since_ms)).split(" ")
    largest = " ".join(lasting[:2])
    return f"{largest} ago" if since_ms > 0 else f"in {largest}"


def moment(text: str | None) -> str:
    """A time in UTC, to the second."""
    if not text:
        return _NONE
    return f"{text[:10]} {text[11:19]}"


def time_ms(text: str) -> int:
    """Of a time that the API wrote."""
    return time_us_of(text) // _US_PER_MS
