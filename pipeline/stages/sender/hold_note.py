"""What the owner of a strict topic leaves beside its committed offset.

How far the head's attempts have come.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from pipeline.domain.delivery import Delivery


class HoldNote(NamedTuple):
    """The head at `offset` waits for its attempt number `attempt`, not before `due_at_ms`."""

    offset: int
    attempt: int
    due_at_ms: int
    first_attempt_at_ms: int

    def applied_to(self, delivery: Delivery) -> Delivery:
        """The delivery as its last owner left it."""
        return delivery._replace(
            attempt=self.attempt,
            due_at_ms=self.due_at_ms,
            first_attempt_at_ms=self.first_attempt_at_ms,
        )


def write_note(note: HoldNote) -> str:
    """As commit metadata."""
    return json.dumps(note, separators=(",", ":"))


def read_note(metadata: str) -> HoldNote | None:
    """None where nothing was held, or where the text is not ours."""
    try:
        numbers: object = json.loads(metadata) if metadata else None
    except ValueError:
        return None
    if not isinstance(numbers, list):
        return None
    values = cast("list[object]", numbers)
    if len(values) != len(HoldNote._fields) or not all(type(value) is int for value in values):
        return None
    return HoldNote(*cast("list[int]", values))
