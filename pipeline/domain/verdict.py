"""What follows an attempt or a wait: the closed union that is decided and acted upon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from pipeline.domain.delivery import Decision, Reason


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver acknowledged it: nothing follows."""

    decision: ClassVar[Decision] = Decision.DELIVERED


@dataclass(frozen=True, slots=True)
class RetryAt:
    """It is tried again, not before this time."""

    due_at_ms: int
    decision: ClassVar[Decision] = Decision.RETRY


@dataclass(frozen=True, slots=True)
class Dead:
    """It becomes a dead letter."""

    reason: Reason
    decision: ClassVar[Decision] = Decision.DEAD


Verdict = Delivered | RetryAt | Dead

DELIVERED: Final = Delivered()
"""The only value of `Delivered`: most attempts end with it."""
