"""What the `$.` texts of a template stand for.

`$.event.` and one of id, type, account, subject, time, object, action and source;
`$.event.metadata` and what is in it (`$.event.metadata.x`), `$.event.data` and what is in it
(`$.event.data.items.0.id`); and of the delivery `$.endpoint.id` and `$.webhook.id`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.domain.document import nearest, shown
from pipeline.domain.event_values import EventValues, Json, Path
from pipeline.domain.json_style import JsonStyle, text_writer


class Target(NamedTuple):
    """What a body contains of the delivery that it is for."""

    endpoint_id: str
    webhook_id: str


class UnknownReference(ValueError):
    """A `$.` text stands for nothing; the message says what it may be."""


Text = Callable[[EventValues], str | None]
"""Takes a text from an event; None where the event has none."""
Slot = Callable[[EventValues, Target], Json | None]
"""Gives the JSON that takes a reference's place; None where there is no value."""


class Reference(NamedTuple):
    """One `$.` text, ready to be filled in."""

    slot: Slot
    is_shared: bool
    """Whether it is the same for every endpoint."""


_DATA: Final = "$.event.data"
_METADATA: Final = "$.event.metadata"
_EVENT_TEXTS: Final[dict[str, Text]] = {
    "$.event.type": lambda values: values.event.type,
    "$.event.id": lambda values: values.event.id,
    "$.event.time": EventValues.time,
    "$.event.account": lambda values: values.event.account,
    "$.event.subject": lambda values: values.event.subject or None,
    "$.event.object": EventValues.object,
    "$.event.action": EventValues.action,
    "$.event.source": EventValues.source,
}
_TARGET_TEXTS: Final[dict[str, Callable[[Target], str]]] = {
    "$.endpoint.id": lambda target: target.endpoint_id,
    "$.webhook.id": lambda target: target.webhook_id,
}


def reference(text: str, style: JsonStyle) -> Reference:
    """What a `$.` text stands for, written in a style.

    Raises:
        UnknownReference: nothing is called so.
    """
    if text in _TARGET_TEXTS:
        return Reference(_of_target(_TARGET_TEXTS[text], style), is_shared=False)
    if text == _METADATA:
        return Reference(_of_metadata(style), is_shared=True)
    if text == _DATA:
        return Reference(_of_data((), style), is_shared=True)
    if text.startswith(f"{_DATA}."):
        return Reference(_of_data(_path(text), style), is_shared=True)
    return Reference(_of_event(event_text(text), style), is_shared=True)


def event_text(text: str) -> Text:
    """The text of an event that a `$.` text stands for: all but its data.

    Raises:
        UnknownReference: nothing is called so, or it is no text.
    """
    if text.startswith(f"{_METADATA}."):
        name = text[len(_METADATA) + 1 :]
        return lambda values: values.event.metadata.get(name)
    if text not in _EVENT_TEXTS:
        known = [*_EVENT_TEXTS, f"{_METADATA}.<name>", f"{_DATA}.<path>", *_TARGET_TEXTS]
        raise UnknownReference(
            f"{shown(text)} stands for nothing: {nearest(text, known)}"
            " (a text that shall stay as it is starts with $$.)"
        )
    return _EVENT_TEXTS[text]


def _path(text: str) -> Path:
    return tuple(text[len(_DATA) + 1 :].split("."))


def _of_data(path: Path, style: JsonStyle) -> Slot:
    def whole(values: EventValues, _: Target) -> Json | None:
        return values.data(style)

    def part(values: EventValues, _: Target) -> Json | None:
        return values.at(path, style)

    return part if path else whole


def _of_metadata(style: JsonStyle) -> Slot:
    def slot(values: EventValues, _: Target) -> Json | None:
        return values.metadata(style)

    return slot


def _of_event(read: Text, style: JsonStyle) -> Slot:
    write = text_writer(style)

    def slot(values: EventValues, _: Target) -> Json | None:
        text = read(values)
        return None if text is None else write(text)

    return slot


def _of_target(read: Callable[[Target], str], style: JsonStyle) -> Slot:
    write = text_writer(style)

    def slot(_: EventValues, target: Target) -> Json | None:
        return write(read(target))

    return slot
