"""Batches that follow from their number alone, so that another process can write the same."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.domain.delivery import Attempt
from pipeline.domain.delivery_state import Buried
from tests.storage.builders import START_MS, a_delivery, a_failure, a_letter, an_attempt, buried

ATTEMPTS = 60
LETTERS = 5


class Batch(NamedTuple):
    attempts: list[Attempt]
    letters: list[Buried]
    positions: dict[tuple[str, int], int]


def batch(number: int) -> Batch:
    """Deliveries of its own, each kind of row among them, and retries of the batch before."""
    attempts = [_attempt(number, place) for place in range(ATTEMPTS)]
    letters = [_letter(number, place) for place in range(LETTERS)]
    return Batch(attempts, letters, {("attempts", 0): number + 1, ("dead-letter", 0): number + 1})


def _identity(number: int, place: int) -> dict[str, str]:
    name = f"{number:04}_{place:03}"
    return {
        "delivery_id": f"dlv_{name}",
        "webhook_id": f"msg_{name}",
        "event_id": f"evt_{name}",
        "endpoint": f"ep_{place % 4}",
    }


def _attempt(number: int, place: int) -> Attempt:
    if place % 3 == 0:
        return a_failure(**_identity(number, place))
    if place % 3 == 1 and number > 0:  # what failed in the batch before
        later = {"attempt": 2, "started_at_ms": START_MS + 5_000}
        return an_attempt(**_identity(number - 1, place - 1), **later)
    return an_attempt(**_identity(number, place))


def _letter(number: int, place: int) -> Buried:
    identity = _identity(number, place * 3)
    letter = a_letter(id=identity["delivery_id"], endpoint=identity["endpoint"])
    return buried(letter, a_delivery(**identity), offset=number * LETTERS + place)
