"""Deliveries by e-mail: what the mail says beside its attachment, which is the body as it is.

Event types, accounts and descriptions are other people's texts: none of them ends a line of the
mail's head, and none of them makes a path of the attachment's name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pipeline.domain.delivery import Cause
from pipeline.domain.rfc3339 import InvalidTime, time_text_of

if TYPE_CHECKING:
    from pipeline.domain.delivery import Delivery
    from pipeline.domain.endpoint import Endpoint

Headers = tuple[tuple[str, str], ...]

MAX_SUBJECT_CHARS: Final = 150
MAX_FILE_NAME_CHARS: Final = 150
_MAX_TEXT_CHARS: Final = 500
_UNFIT_IN_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_UNFIT_IN_MESSAGE_ID: Final = re.compile(r"[^A-Za-z0-9_-]+")
_SUBJECTS: Final[dict[str, str]] = {
    Cause.TEST: "Test of",
    Cause.TRIGGER_AGAIN: "Again:",
    Cause.REPLAY: "Replay of",
}


class Letter(NamedTuple):
    """One mail with one attachment or none, ready to go but for its sender and its encoding."""

    to: str
    headers: Headers
    """Of the mail, beside From, To, Date and those of MIME; no line breaks in them."""
    text: str
    attachment_name: str
    """Empty: it has none."""
    content_type: str
    body: bytes
    """The attachment, byte for byte."""
    timeout_ms: int
    """From the start of the attempt to the server's acceptance."""


def letter_headers(delivery: Delivery, *, domain: str) -> Headers:
    """Those that are made of the delivery alone; the same over its attempts.

    By the same Message-ID mailers know a mail that comes again for the same one: when an attempt
    succeeded and nobody knows. What was triggered again is another delivery, with another id.
    """
    name = _UNFIT_IN_MESSAGE_ID.sub("-", f"{delivery.webhook_id}_{delivery.delivery_id}")
    return (
        ("Subject", _subject(delivery)),
        ("Message-ID", f"<{name}@{domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    )


def attachment_name(form: str, delivery: Delivery) -> str:
    """The name that the profile's form gives it; whatever a file system might misread is a `_`."""
    name = form.format(event_type=delivery.event_type, webhook_id=delivery.webhook_id)
    fit = _UNFIT_IN_FILE_NAME.sub("_", name).lstrip(".-")
    if len(fit) > MAX_FILE_NAME_CHARS:
        fit = fit[-MAX_FILE_NAME_CHARS:].lstrip(".-")
    return fit or "event.json"


def letter_text(delivery: Delivery, endpoint: Endpoint, *, file_name: str) -> str:
    """What a person reads who opens the mail."""
    facts = [
        ("Event", delivery.event_type),
        ("Time", _time(delivery.occurred_at_us)),
        ("Account", delivery.account),
        ("About", delivery.subject or ""),
        ("Webhook id", delivery.webhook_id),
        ("Endpoint", endpoint.id),
        ("Description", endpoint.description),
    ]
    lines = [f"{name + ':':<13}{one_line(value)}" for name, value in facts if value]
    return "\n".join(
        [
            _opening(delivery),
            f"The attached file {file_name} holds its data.",
            "",
            *lines,
            "",
            "The same event always has the same webhook id, should this mail come twice.",
            "This mail was made automatically; whoever manages the endpoint can end such mails.",
            "",
        ]
    )


def one_line(text: str, *, limit: int = _MAX_TEXT_CHARS) -> str:
    """The text without anything that breaks or hides a line, cut to `limit` characters."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."


def _subject(delivery: Delivery) -> str:
    before = _SUBJECTS.get(delivery.cause, "Event")
    text = f"{before} {delivery.event_type} ({delivery.account})"
    return one_line(text, limit=MAX_SUBJECT_CHARS)


def _time(time_us: int) -> str:
    try:
        return time_text_of(time_us)
    except InvalidTime:
        return ""


def _opening(delivery: Delivery) -> str:
    if delivery.cause == Cause.TEST:
        return "This is a test: somebody asked for a sample of such an event to be sent here."
    if delivery.cause == Cause.TRIGGER_AGAIN:
        return "An event that was sent before is sent again, because somebody asked for it."
    return "Something happened that this address asked to be told of."
