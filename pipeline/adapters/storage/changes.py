"""What a batch of facts changes in the store: pure, so that its laws can be tested on their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.adapters.storage.attempt_rows import attempt_row
from pipeline.adapters.storage.delivery_rows import (
    NOT_ONLY,
    Only,
    delivery_row,
    identity_of,
    is_slim,
    only,
    only_attempt_of,
    only_of,
    slim_row,
    standing_of,
)
from pipeline.adapters.storage.rows import FIRST_OF_STANDING, AttemptRow, DeliveryRow
from pipeline.domain.delivery import Attempt, Cause, Outcome
from pipeline.domain.delivery_state import (
    Buried,
    Identity,
    Pending,
    Standing,
    completed,
    identity_of_attempt,
    identity_of_buried,
    identity_of_delivery,
    joined,
    standing_after,
    standing_buried,
    standing_pending,
)
from pipeline.domain.latency import bucket_of

_HOUR_MS = 3_600_000
_ACCEPTED = Outcome.ACCEPTED.value  # a member's value costs a call
_TRIGGERED = Cause.TRIGGER_AGAIN.value

AttemptKey = tuple[int, int]
"""Number and start: one number is tried twice where a crash came between."""

HourKey = tuple[str, int, int, int, str]
"""Endpoint, hour, HTTP status (0 where nobody answered), bucket of the duration, account."""

Said = tuple[Identity, Standing]
"""What one fact says of a delivery."""


class Facts(NamedTuple):
    """What a batch says, by the delivery's id."""

    attempts: dict[str, list[Attempt]]
    said: dict[str, list[Said]]
    """By others than attempts."""

    def ids(self) -> list[str]:
        """Sorted: writers that overlap then lock rows in one order."""
        return sorted(self.attempts.keys() | self.said.keys())


class Known(NamedTuple):
    """What the store says of one delivery."""

    row: DeliveryRow
    attempts: frozenset[AttemptKey]
    """Those in `attempts`; an only attempt may be in the row instead."""


@dataclass(slots=True)
class Changes:
    """What is to be written."""

    created: list[DeliveryRow] = field(default_factory=list[DeliveryRow])
    advanced: list[DeliveryRow] = field(default_factory=list[DeliveryRow])
    """Only how they stand is different, which no index knows of."""
    amended: list[DeliveryRow] = field(default_factory=list[DeliveryRow])
    """What they are, or since when, is known better too."""
    attempts: list[AttemptRow] = field(default_factory=list[AttemptRow])
    new_attempts: int = 0
    """Attempts that the store did not know, wherever they are kept."""
    hours: dict[HourKey, list[int]] = field(default_factory=dict[HourKey, list[int]])
    """Requests, accepted ones, and those triggered again, among the new attempts."""

    def add_accepted(self, hours: Mapping[HourKey, int]) -> None:
        """So many new attempts more, all accepted."""
        for hour, accepted in hours.items():
            counts = self.hours.setdefault(hour, [0, 0, 0])
            counts[0] += accepted
            counts[1] += accepted
            self.new_attempts += accepted


def facts_of(
    attempts: Iterable[Attempt], buried: Iterable[Buried], pending: Iterable[Pending]
) -> Facts:
    tried: defaultdict[str, list[Attempt]] = defaultdict(list)
    said: defaultdict[str, list[Said]] = defaultdict(list)
    for attempt in attempts:
        tried[attempt.delivery_id].append(attempt)
    for dead in buried:
        identity = identity_of_buried(dead)
        if identity is not None:
            said[dead.letter.id].append((identity, standing_buried(dead)))
    for new in pending:
        identity = identity_of_delivery(new.delivery, new.original)
        said[new.delivery.delivery_id].append((identity, standing_pending(new)))
    return Facts(tried, said)


def hour_of(attempt: Attempt) -> HourKey:
    """Where the attempt is counted."""
    started_at_ms = attempt.started_at_ms
    return (
        attempt.endpoint,
        started_at_ms - started_at_ms % _HOUR_MS,
        attempt.status or 0,
        bucket_of(attempt.duration_ms),
        attempt.account,
    )


def changes_of(facts: Facts, known: Mapping[str, Known]) -> Changes:
    """What the facts add to what is known; the same facts again add nothing."""
    changes = Changes()
    for delivery_id in facts.ids():
        attempts = facts.attempts.get(delivery_id, [])
        said = facts.said.get(delivery_id)
        its_known = known.get(delivery_id)
        if its_known is not None:
            _add_to_known(changes, its_known, attempts, said or [])
        elif said is None and len(attempts) == 1 and is_slim(attempts[0]):
            # Nearly every delivery; the general way would come to the same row, three times slower.
            changes.created.append(slim_row(attempts[0]))
            _count(changes, attempts)
        else:
            _add_unknown(changes, delivery_id, attempts, said or [])
    return changes


def _add_unknown(
    changes: Changes, delivery_id: str, attempts: Sequence[Attempt], said: Sequence[Said]
) -> None:
    fresh = _fresh(attempts, frozenset())
    if len(fresh) == 1 and is_slim(fresh[0]):
        only_one = only(fresh[0])
    else:
        only_one = NOT_ONLY
        changes.attempts.extend(map(attempt_row, fresh))
    _count(changes, fresh)
    changes.created.append(_row(delivery_id, [*map(_said_by, fresh), *said], only_one))


def _add_to_known(
    changes: Changes, known: Known, attempts: Sequence[Attempt], said: Sequence[Said]
) -> None:
    before = known.row
    kept = only_attempt_of(before)
    seen = known.attempts if kept is None else frozenset({(kept.attempt, kept.started_at_ms)})
    fresh = _fresh(attempts, seen)
    if not fresh:
        only_one = NOT_ONLY if kept is None else only_of(kept)
    elif not seen and len(fresh) == 1 and is_slim(fresh[0]):
        only_one = only(fresh[0])
    else:
        only_one = NOT_ONLY
        changes.attempts.extend(map(attempt_row, fresh))
        if kept is not None:
            changes.attempts.append(kept)
    _count(changes, fresh)
    all_said = [(identity_of(before), standing_of(before)), *map(_said_by, fresh), *said]
    _change(changes, before, _row(before.id, all_said, only_one))


def _change(changes: Changes, before: DeliveryRow, row: DeliveryRow) -> None:
    if row[:FIRST_OF_STANDING] != before[:FIRST_OF_STANDING]:
        changes.amended.append(row)
    elif row != before:
        changes.advanced.append(row)


def _said_by(attempt: Attempt) -> Said:
    return identity_of_attempt(attempt), standing_after(attempt)


def _fresh(attempts: Sequence[Attempt], seen: frozenset[AttemptKey]) -> list[Attempt]:
    """Those that the store does not know, each once."""
    by_key = {(attempt.attempt, attempt.started_at_ms): attempt for attempt in reversed(attempts)}
    return [by_key[key] for key in sorted(by_key.keys() - seen)]


def _row(delivery_id: str, said: Sequence[Said], only_one: Only) -> DeliveryRow:
    identity, standing = said[0]
    for its_identity, its_standing in said[1:]:
        identity = completed(identity, its_identity)
        standing = joined(standing, its_standing)
    return delivery_row(delivery_id, identity, standing, only_one)


def _count(changes: Changes, fresh: Sequence[Attempt]) -> None:
    changes.new_attempts += len(fresh)
    for attempt in fresh:
        counts = changes.hours.setdefault(hour_of(attempt), [0, 0, 0])
        counts[0] += 1
        counts[1] += attempt.outcome == _ACCEPTED
        counts[2] += attempt.cause == _TRIGGERED
