"""The memory that a group has begun a partition.

Beside its committed offsets, which Kafka may forget.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class DecidedBy(StrEnum):
    """Who said where the group begins."""

    FIRST_START = "first_start"
    OPERATOR = "operator"
    """Not applied yet."""
    APPLIED = "applied"
    """An operator's decision that the group has followed."""


class StartPosition(NamedTuple):
    """A group began a partition at `offset`, or an operator told it to go on there."""

    group: str
    topic: str
    topic_id: str
    """Kafka's id of the topic: one that was deleted and made again is a new topic."""
    partition: int
    offset: int
    decided_at_ms: int
    decided_by: DecidedBy
