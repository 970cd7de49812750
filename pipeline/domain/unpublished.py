"""What became of an event that was not acknowledged."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Fate(StrEnum):
    """Whether the event is there all the same, and whether it helps to publish it again."""

    REFUSED = "refused"
    """It is not there, and will never be taken as it is."""
    UNCERTAIN = "uncertain"
    """It may be there: publish it again, with the same id."""
    UNSENT = "unsent"
    """It is not there: publish it again."""


class Unpublished(NamedTuple):
    """Why an event was not acknowledged."""

    reason: str
    fate: Fate
