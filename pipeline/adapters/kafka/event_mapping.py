"""Where an event's members are taken from, for records that are no envelope of ours.

A record is mapped as the JSON that it is, or that its Avro becomes. Data are passed on byte for
byte, as they are in an envelope.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from pipeline.adapters.kafka.source_record import id_of, time_us, written_us
from pipeline.domain.event import Event
from pipeline.domain.event_rules import RefusedEvent
from pipeline.flow import Record

US_BY_UNIT: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)
_NULL: Final = b"null"
_MOST_DIGITS: Final = 20


class HeaderOf(NamedTuple):
    """The text of a record's header, the last one of that name."""

    name: str


class FieldOf(NamedTuple):
    """A field of the record; each step is a member of the object before."""

    path: tuple[str, ...]


class Fixed(NamedTuple):
    """The same for every record of the topic."""

    text: str


Origin = HeaderOf | FieldOf | Fixed


@dataclass(frozen=True, slots=True)
class EventMapping:
    """Where each member of an event comes from; None: it is made as for an envelope without it."""

    account: Origin
    type: Origin
    id: Origin | None = None
    subject: Origin | None = None
    time: Origin | None = None
    time_unit: str | None = None
    """What a time that is a number counts, since 1970; None: times are texts."""
    data: FieldOf | None = None
    """None: the whole record."""

    def event_of(self, record: Record, document: bytes) -> Event:
        """The event; only that its members are texts is checked. `document` is JSON in UTF-8.

        Raises:
            RefusedEvent: what must be there is not, or is no text or whole number.
        """
        found = _Found(record, document)
        own_id = found.text("id", self.id)
        time = found.text("time", self.time)
        return Event(
            id_of(record) if own_id is None else own_id,
            found.required("type", self.type),
            found.required("account", self.account),
            written_us(record) if time is None else self._time_us(time),
            document if self.data is None else found.raw("data", self.data.path) or _NULL,
            found.text("subject", self.subject),
        )

    def _time_us(self, text: str) -> int:
        if self.time_unit is None:
            return time_us(text)
        digits = text.removeprefix("-")
        if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
            raise RefusedEvent("time", f"no whole number, which the unit {self.time_unit} needs")
        return int(text) * US_BY_UNIT[self.time_unit]


def member_text(record: Record, document: bytes, member: str, origin: Origin) -> str | None:
    """One member's text; None where it is not there, or null. Raises RefusedEvent."""
    if isinstance(origin, FieldOf):
        return _Found(record, document).text(member, origin)
    return _Found(record, b"{}").text(member, origin)


def shown_origin(origin: Origin) -> str:
    """In words, for messages."""
    if isinstance(origin, HeaderOf):
        return f"the header {origin.name}"
    if isinstance(origin, FieldOf):
        return f"the field {'.'.join(origin.path)}"
    return "the value of topics.yaml"


class _Found:
    """What one record has."""

    __slots__ = ("_record", "_root")

    def __init__(self, record: Record, document: bytes) -> None:
        self._record = record
        self._root = _members(document, "the record")

    def required(self, member: str, origin: Origin) -> str:
        text = self.text(member, origin)
        if text is None:
            raise RefusedEvent(member, f"{shown_origin(origin)} is not there, or null")
        return text

    def text(self, member: str, origin: Origin | None) -> str | None:
        if origin is None:
            return None
        if isinstance(origin, Fixed):
            return origin.text
        if isinstance(origin, HeaderOf):
            return self._of_header(member, origin.name)
        value = self.raw(member, origin.path)
        return None if value is None else _text_of(value, member, origin)

    def raw(self, member: str, path: tuple[str, ...]) -> bytes | None:
        """A field's JSON as it stands; None where it is not there, or null."""
        members = self._root
        for step in path[:-1]:
            inner = members.get(step)
            if inner is None or bytes(inner) == _NULL:
                return None
            members = _members(bytes(inner), f"{member}: the field {step}")
        value = members.get(path[-1])
        return None if value is None or bytes(value) == _NULL else bytes(value)

    def _of_header(self, member: str, name: str) -> str | None:
        found: bytes | None = None
        for header, value in self._record.headers or ():
            if header == name:
                found = value
        try:
            return None if found is None else found.decode()
        except UnicodeDecodeError as exc:
            raise RefusedEvent(member, f"the header {name} is not UTF-8") from exc


def _members(document: bytes, place: str) -> dict[str, msgspec.Raw]:
    try:
        return _MEMBERS.decode(document)
    except msgspec.ValidationError as exc:
        raise RefusedEvent(place, "not an object, and topics.yaml maps its members") from exc
    except msgspec.DecodeError as exc:
        raise RefusedEvent(place, f"not JSON: {exc}") from exc
    except RecursionError as exc:
        raise RefusedEvent(place, "nested too deep") from exc


def _text_of(value: bytes, member: str, origin: Origin) -> str:
    if value.startswith(b'"'):
        return _TEXT.decode(value)
    if not value.removeprefix(b"-").isdigit():
        raise RefusedEvent(member, f"{shown_origin(origin)} is neither text nor a whole number")
    return value.decode()
