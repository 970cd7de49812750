"""Whether a target consents to being sent webhooks (CloudEvents HTTP web hook 1.0, section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ALLOWED_ORIGIN: Final = "WebHook-Allowed-Origin"
ALLOWED_RATE: Final = "WebHook-Allowed-Rate"
REQUEST_CALLBACK: Final = "WebHook-Request-Callback"
REQUEST_ORIGIN: Final = "WebHook-Request-Origin"
REQUEST_RATE: Final = "WebHook-Request-Rate"
HIGHEST_RATE: Final = 1_000_000_000
"""A minute. What is allowed beyond is cut to it: nobody sends as much."""

_ANY: Final = "*"
_RATE: Final = re.compile(r"0*([1-9][0-9]*)", re.ASCII)
_HIGHEST_RATE_DIGITS: Final = 10
_SHOWN_CHARS: Final = 60

_Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Consented:
    """The target wants to be sent webhooks."""

    per_minute: int | None
    """At most so many requests; None: as many as there are."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing may be sent, unless the target calls the callback's URL."""

    reason: str
    """For the endpoint's owner: what the target said, or that it said nothing."""


def judge_answer(
    headers: Iterable[tuple[str, str]], *, origin: str, asked_per_minute: int | None
) -> Consented | Refused:
    """What the headers of an answer to the validation request say; its status says nothing.

    Without `WebHook-Allowed-Rate`, which a target must send that was asked for a rate, it is
    taken to allow what it was asked for.
    """
    given = tuple(headers)
    origins = _values(given, ALLOWED_ORIGIN)
    if not origins:
        return Refused(f"the target's answer has no {ALLOWED_ORIGIN}")
    for allowed in origins:
        if allowed.lower() not in {_ANY, origin.lower()}:
            return Refused(f"the target allows {_shown(allowed)}, neither {origin} nor *")
    return _judge_rate(given, asked_per_minute)


def judge_callback(
    headers: Iterable[tuple[str, str]], *, asked_per_minute: int | None
) -> Consented | Refused:
    """What a call of the callback's URL says: it consents, and may name a rate (section 4.1.3)."""
    return _judge_rate(tuple(headers), asked_per_minute)


def _judge_rate(headers: _Headers, asked_per_minute: int | None) -> Consented | Refused:
    rates = _values(headers, ALLOWED_RATE)
    if not rates:
        return Consented(asked_per_minute)
    strictest: int | None = None
    for rate in rates:
        if rate == _ANY:
            continue
        number = _RATE.fullmatch(rate)
        if number is None:
            return Refused(f"{ALLOWED_RATE} is {_shown(rate)}: neither a positive integer nor *")
        digits = number[1]
        value = int(digits) if len(digits) < _HIGHEST_RATE_DIGITS else HIGHEST_RATE
        strictest = value if strictest is None else min(strictest, value)
    return Consented(strictest)


def _values(headers: _Headers, name: str) -> list[str]:
    wanted = name.lower()
    return [value.strip(" \t") for given, value in headers if given.lower() == wanted]


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}...")
