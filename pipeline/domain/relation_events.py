"""What is told of a change of a relation: events of the account's own, with what was and what is.

The star is in each of them, for it decides who is told (`RelationRules.star_in_data`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from pipeline.domain.relation import Relation

RELATION: Final = "CompanyRelation"
RELATION_DATA: Final = "CompanyRelationData"


class Happened(StrEnum):
    """What happened to a relation, or to an entry of its data."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class RelationEvent(NamedTuple):
    """An event that is to be published."""

    type: str
    company: str
    data: bytes
    """JSON: `{"current", "previous"}`, null where there is none."""


def events_of_change(
    company: str, before: Relation | None, after: Relation | None
) -> Iterator[RelationEvent]:
    """What is to be told, one event for each thing that changed; none where nothing did.

    None: there was no relation, or there is none any more. What goes with a relation goes first.
    """
    yield from _events_of_data(company, before, after)
    current, previous = _told(after), _told(before)
    if current != previous:
        yield _event(RELATION, company, current, previous)


def _events_of_data(
    company: str, before: Relation | None, after: Relation | None
) -> Iterator[RelationEvent]:
    old, new = _data_of(before), _data_of(after)
    for key in (*old, *(key for key in new if key not in old)):
        if old.get(key) != new.get(key):
            current = _told_entry(after, key, new.get(key))
            previous = _told_entry(before, key, old.get(key))
            yield _event(RELATION_DATA, company, current, previous)


_Told = dict[str, object] | None


def _data_of(relation: Relation | None) -> Mapping[str, str]:
    return {} if relation is None else relation.data


def _told(relation: Relation | None) -> _Told:
    return None if relation is None else {"company": relation.company, "star": relation.star}


def _told_entry(relation: Relation | None, key: str, text: str | None) -> _Told:
    told = _told(relation)
    if told is None or text is None:
        return None
    return {**told, "key": key, "value": msgspec.Raw(text.encode())}


def _event(kind: str, company: str, current: _Told, previous: _Told) -> RelationEvent:
    happened = Happened.UPDATED
    if previous is None:
        happened = Happened.CREATED
    elif current is None:
        happened = Happened.DELETED
    data = msgspec.json.encode({"current": current, "previous": previous})
    return RelationEvent(f"{kind}.{happened}", company, data)
