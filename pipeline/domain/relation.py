"""An account's relation with a company, its star, and the data that the account keeps with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Relation:
    """`data` maps names to JSON texts; it is kept in the store and told in events alone."""

    account: str
    company: str
    star: str | None = None
    data: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    removed: bool = False
    """In the table alone: the relation was removed."""
    version: int = 0
    """The offset of its table record; 0 in the store."""


def relation_key(account: str, company: str) -> bytes:
    """The key of a relation's table record. An account's id has no `/`, so it says both."""
    return f"{account}/{company}".encode()
