"""What the owner of an endpoint reads that fails, or that was deactivated."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.domain.endpoint import Endpoint
from pipeline.domain.letters import MAX_SUBJECT_CHARS, one_line
from pipeline.domain.rfc3339 import time_text_of

_US_PER_SECOND: Final = 1_000_000
_CLOSING: Final = "This mail was made automatically; it goes to the address of the account's owner."


class OwnerLetter(NamedTuple):
    """Without its sender and recipient."""

    subject: str
    text: str


def warning_letter(endpoint: Endpoint, *, since_ms: int, inactive_at_ms: int) -> OwnerLetter:
    """Nothing succeeds, and it will be deactivated if that goes on."""
    return _letter(
        f"Webhooks to {endpoint.id} fail",
        endpoint,
        [
            f"No delivery to this endpoint has succeeded since {_time(since_ms)}.",
            (
                f"If that goes on it becomes inactive on {_time(inactive_at_ms)} or soon after,"
                " and nothing is sent to it any more."
            ),
            "Its log of deliveries says how it answered.",
        ],
    )


def deactivation_letter(endpoint: Endpoint, *, reason: str, at_ms: int) -> OwnerLetter:
    """It gets nothing any more."""
    return _letter(
        f"Webhooks to {endpoint.id} are inactive",
        endpoint,
        [
            f"This endpoint became inactive on {_time(at_ms)}: {reason}.",
            (
                "Nothing is sent to it until it is activated again. What it should get meanwhile is"
                " kept; whoever activates it chooses whether that is sent or dropped."
            ),
            "Its log of deliveries says how it answered.",
        ],
    )


def _letter(subject: str, endpoint: Endpoint, paragraphs: list[str]) -> OwnerLetter:
    facts = [
        ("Endpoint", endpoint.id),
        ("Description", endpoint.description),
        ("Account", endpoint.account),
    ]
    lines = [f"{name + ':':<13}{one_line(value)}" for name, value in facts if value]
    text = "\n".join([*lines, "", *paragraphs, "", _CLOSING, ""])
    return OwnerLetter(one_line(subject, limit=MAX_SUBJECT_CHARS), text)


def _time(time_ms: int) -> str:
    return time_text_of(time_ms // 1_000 * _US_PER_SECOND)
