"""What moves from one installation to another, and how it is read from a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pipeline.domain.endpoint import Account, Endpoint
from pipeline.domain.relation import Relation
from pipeline.operating import Operator
from pipeline.registry import ApiKey, EventType, StoredProfile

Entry = Account | Endpoint | Relation | ApiKey | StoredProfile | EventType | Operator


@dataclass(frozen=True, slots=True)
class MovedEndpoint:
    """An endpoint on its way: what its topic is called is the new installation's affair."""

    endpoint: Endpoint
    """Without a topic, and without one that it was moved from."""
    has_own_topic: bool


MovedEntry = Account | MovedEndpoint | Relation | ApiKey | StoredProfile | EventType | Operator


def kind_of(entry: MovedEntry) -> str:
    """In a word, as people are told."""
    return _KINDS[type(entry)]


def name_of(entry: MovedEntry) -> str:
    """Which one of its kind it is."""
    match entry:
        case MovedEndpoint():
            return entry.endpoint.id
        case Relation():
            return f"{entry.account}/{entry.company}"
        case StoredProfile() | Operator():
            return entry.name
        case EventType():
            return entry.type
        case _:
            return entry.id


_KINDS = {
    Account: "account",
    MovedEndpoint: "endpoint",
    Relation: "relation",
    ApiKey: "key",
    StoredProfile: "profile",
    EventType: "event_type",
    Operator: "operator",
}


class WholeStore(Protocol):
    """Everything that an installation needs to be made again elsewhere. Blocking."""

    def entries(self) -> AbstractContextManager[Iterator[Entry]]:
        """As of one moment, few in memory at a time; what others need comes before them.

        Removed ones too: an id is never used twice. Raises `ports.StoreFailed`.
        """
        ...
