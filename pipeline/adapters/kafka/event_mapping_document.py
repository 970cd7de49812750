"""`event` of a source in topics.yaml: where the members of its events come from."""

from __future__ import annotations

import re
from typing import Final

from pipeline.adapters.kafka.attribute_mapping import (
    OWN_ATTRIBUTES,
    AttributeMapping,
    AttributeOf,
    AttributeOrigin,
)
from pipeline.adapters.kafka.event_mapping import (
    US_BY_UNIT,
    EventMapping,
    FieldOf,
    Fixed,
    HeaderOf,
    Origin,
)
from pipeline.domain.document import DocumentError, Fields, nearest, text_of

_MEMBERS: Final = ("account", "type", "id", "subject", "time", "data")
_ATTRIBUTE_MEMBERS: Final = ("account", "type", "subject", "time")
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
"""CloudEvents 1.0, "Naming Conventions"."""
_ORIGINS: Final = ("field", "header", "value")
_MOST_STEPS: Final = 16
_MOST_CHARS: Final = 256


def event_mapping(value: object, pointer: str) -> EventMapping:
    """Raises DocumentError: a member has no origin, or one that cannot be."""
    fields = Fields(value, pointer, known=_MEMBERS)
    return EventMapping(
        account=_origin(fields.value("account"), fields.at("account")),
        type=_origin(fields.value("type"), fields.at("type")),
        id=fields.optional("id", _own_origin),
        subject=fields.optional("subject", _origin),
        time=fields.optional("time", _own_time),
        time_unit=fields.optional("time", _unit),
        data=fields.optional("data", _data),
    )


def attribute_mapping(value: object, pointer: str) -> AttributeMapping:
    """The same of a source of CloudEvents. Raises DocumentError."""
    fields = Fields(value, pointer, known=_ATTRIBUTE_MEMBERS)
    given = {
        name: origin
        for name in _ATTRIBUTE_MEMBERS
        if (origin := fields.optional(name, _attribute_origin)) is not None
    }
    time = given.get("time")
    if isinstance(time, Fixed):
        raise DocumentError(
            fields.at("time"), "all events would have the same: give attribute, field or header"
        )
    return OWN_ATTRIBUTES._replace(**given)


def _attribute_origin(value: object, pointer: str) -> AttributeOrigin:
    fields = Fields(value, pointer, known=(*_ORIGINS, "attribute"))
    if "attribute" not in fields:
        return _origin(value, pointer)
    name = fields.text("attribute")
    if any(other in fields for other in _ORIGINS):
        raise DocumentError(pointer, "give one of attribute, field (of the data), header and value")
    if not _ATTRIBUTE.fullmatch(name):
        raise DocumentError(
            fields.at("attribute"),
            f"{name!r}: attributes have 1-20 small letters and digits; write it without ce_",
        )
    return AttributeOf(name)


def _origin(value: object, pointer: str, *, besides: tuple[str, ...] = ()) -> Origin:
    fields = Fields(value, pointer, known=(*_ORIGINS, *besides))
    given = [name for name in _ORIGINS if name in fields]
    if len(given) != 1:
        raise DocumentError(
            pointer, "give one of field (a path such as contact.id), header and value"
        )
    (name,) = given
    text = fields.text(name)
    if not 0 < len(text) <= _MOST_CHARS:
        raise DocumentError(fields.at(name), f"use 1-{_MOST_CHARS} characters")
    if name == "value":
        return Fixed(text)
    return HeaderOf(text) if name == "header" else FieldOf(_path(text, fields.at(name)))


def _own_origin(value: object, pointer: str) -> Origin:
    """Of what is another for every event."""
    origin = _origin(value, pointer)
    if isinstance(origin, Fixed):
        raise DocumentError(pointer, "all events would have the same: give field or header")
    return origin


def _own_time(value: object, pointer: str) -> Origin:
    origin = _origin(value, pointer, besides=("unit",))
    if isinstance(origin, Fixed):
        raise DocumentError(pointer, "all events would have the same: give field or header")
    return origin


def _unit(value: object, pointer: str) -> str | None:
    return Fields(value, pointer, known=(*_ORIGINS, "unit")).optional("unit", _known_unit)


def _known_unit(value: object, pointer: str) -> str:
    unit = text_of(value, pointer)
    if unit not in US_BY_UNIT:
        raise DocumentError(pointer, f"{unit!r}: {nearest(unit, US_BY_UNIT)}")
    return unit


def _data(value: object, pointer: str) -> FieldOf:
    origin = _origin(value, pointer)
    if not isinstance(origin, FieldOf):
        raise DocumentError(pointer, "give a field; without `data` the whole record is sent")
    return origin


def _path(text: str, pointer: str) -> tuple[str, ...]:
    steps = tuple(text.split("."))
    if not all(steps) or len(steps) > _MOST_STEPS:
        raise DocumentError(
            pointer, f"{text!r}: names with dots between them, at most {_MOST_STEPS}"
        )
    return steps
