"""What an endpoint may ask for: the event types, filters and relations of a profile document."""

from __future__ import annotations

import re
from itertools import product
from typing import Final

from pipeline.domain.document import DocumentError, Fields, below, positive_of, shown
from pipeline.domain.profile import KnownEventType, OfferedFilter, RelationRules
from pipeline.domain.type_patterns import InvalidTypePattern, check_pattern

_FILTER_FIELD: Final = re.compile(r"type|subject|time|(?:data|metadata)\..+")
_EVENT_TYPES_FIELDS: Final = ("open", "known", "objects", "actions")
_RELATIONS_FIELDS: Final = ("subject_prefix", "objects", "star_in_data", "stars", "limit")


def read_event_types(value: object, pointer: str) -> tuple[tuple[KnownEventType, ...], bool]:
    """The known types, and whether an endpoint may ask for others.

    `objects` and `actions` stand for each object with each action, `<object>.<action>`.

    Raises:
        DocumentError: a field is unknown or wrong, or no type is left to ask for.
    """
    fields = Fields(value, pointer, known=_EVENT_TYPES_FIELDS)
    known = [_event_type(item, at) for item, at in fields.items("known")]
    pairs = product(fields.texts("objects"), fields.texts("actions"))
    known += [KnownEventType(f"{name}.{action}") for name, action in pairs]
    is_open = fields.flag("open", default=True)
    if not known and not is_open:
        raise DocumentError(fields.at("open"), "a set that is not open needs known types")
    return tuple(known), is_open


def read_filter(value: object, pointer: str) -> OfferedFilter:
    """A filter offered by name.

    Raises:
        DocumentError: a field is unknown, missing or wrong.
    """
    fields = Fields(value, pointer, known=("name", "field", "description"))
    field = fields.text("field")
    if not _FILTER_FIELD.fullmatch(field):
        raise DocumentError(
            fields.at("field"), f"{shown(field)}: write type, subject, time, data.* or metadata.*"
        )
    return OfferedFilter(fields.text("name"), field, fields.text("description", ""))


def read_relations(value: object, pointer: str) -> RelationRules:
    """Who may be told of a company.

    Raises:
        DocumentError: a field is unknown, missing or wrong.
    """
    fields = Fields(value, pointer, known=_RELATIONS_FIELDS)
    rules = RelationRules(
        subject_prefix=fields.text("subject_prefix"),
        objects=fields.texts("objects"),
        star_in_data=fields.texts("star_in_data"),
        stars=fields.texts("stars"),
        limit=positive_of(fields.value("limit"), fields.at("limit")),
    )
    for name, given in (("objects", rules.objects), ("stars", rules.stars)):
        if not given:
            raise DocumentError(fields.at(name), "give at least one")
    for index, name in enumerate(rules.star_in_data):
        if name not in rules.objects:
            raise DocumentError(
                below(fields.at("star_in_data"), index), f"{shown(name)}: name one of objects"
            )
    return rules


def _event_type(value: object, pointer: str) -> KnownEventType:
    fields = Fields(value, pointer, known=("type", "description"))
    pattern = fields.text("type")
    try:
        check_pattern(pattern)
    except InvalidTypePattern as exc:
        raise DocumentError(fields.at("type"), str(exc)) from exc
    return KnownEventType(pattern, fields.text("description", ""))
