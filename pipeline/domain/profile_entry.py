"""A profile of an operator's own, as the table of profiles has it: its document, unread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One record of the table."""

    name: str
    document: str
    """JSON text."""
    removed: bool = False
    version: int = 0
    """The offset of its table record."""
