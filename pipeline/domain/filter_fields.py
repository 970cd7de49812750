"""The fields that a filter can name, and how each is read from an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.document import DocumentError, nearest, shown
from pipeline.domain.event_fields import ABSENT, EventFields, Field

MAX_PATH_STEPS: Final = 16
MAX_NAME_CHARS: Final = 512

_DATA: Final = "data."
_METADATA: Final = "metadata."
_KNOWN: Final = ("type", "subject", "time", "data.<path>", "metadata.<name>")

Read = Callable[[EventFields], Field]


class FilterField(NamedTuple):
    """One field, as conditions read it."""

    read: Read
    read_text: Read
    """What its beginning and its end are compared with."""
    is_time: bool = False
    """Whether operands are times, compared as microseconds since 1970."""


def field_of(name: str, pointer: str) -> FilterField:
    """The field of this name.

    Raises:
        DocumentError: there is none, or the name is longer than `MAX_NAME_CHARS` or
            `MAX_PATH_STEPS`.
    """
    if len(name) > MAX_NAME_CHARS:
        raise DocumentError(pointer, f"the field's name is too long: at most {MAX_NAME_CHARS}")
    if name == "time":
        return FilterField(_time, _time_text, is_time=True)
    read = _reader(name, pointer)
    return FilterField(read, read)


def _reader(name: str, pointer: str) -> Read:
    if name in _PLAIN:
        return _PLAIN[name]
    if name.startswith(_METADATA) and name != _METADATA:
        key = name.removeprefix(_METADATA)
        return lambda fields: fields.metadata(key)
    if name.startswith(_DATA):
        path = tuple(name.removeprefix(_DATA).split("."))
        if not all(path):
            raise DocumentError(pointer, f"{shown(name)}: write one dot between two names")
        if len(path) > MAX_PATH_STEPS:
            raise DocumentError(pointer, f"the path is too long: at most {MAX_PATH_STEPS} names")
        return lambda fields: fields.data(path)
    raise DocumentError(pointer, f"{shown(name)} is no field of an event: {nearest(name, _KNOWN)}")


def _type(fields: EventFields) -> Field:
    return Field(exists=True, values=(fields.values.event.type,))


def _subject(fields: EventFields) -> Field:
    subject = fields.values.event.subject
    return ABSENT if subject is None else Field(exists=True, values=(subject,))


def _time(fields: EventFields) -> Field:
    return Field(exists=True, values=(fields.values.event.time_us,))


def _time_text(fields: EventFields) -> Field:
    try:
        return Field(exists=True, values=(fields.values.time(),))
    except UndecodableBody:
        return ABSENT


_PLAIN: Final[dict[str, Read]] = {"type": _type, "subject": _subject}
