"""Deliveries whose first attempt succeeded: nearly all there are, so they take the shortest way.

Such a delivery is not in the store yet, but for one that is repeated after a crash. So it need not
be looked up first: its row is built from the attempt at once and inserted, and the store tells
whether it knew one of them after all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.adapters.storage.changes import HourKey, hour_of
from pipeline.adapters.storage.column_values import as_json, number
from pipeline.adapters.storage.delivery_rows import is_slim
from pipeline.domain.delivery import Attempt, Cause
from pipeline.domain.delivery_state import State

FIRST_COLUMNS = (
    "id",
    "account",
    "endpoint",
    "webhook_id",
    "event_id",
    "event_type",
    "subject",
    "cause",
    "cause_id",
    "occurred_at_us",
    "created_at_ms",
    "last_attempt_at_ms",
    "http_status",
    "record_topic",
    "record_partition",
    "record_offset",
    "only_duration_ms",
    "only_phases",
    "only_address",
)
"""What a first row holds, in the order of the table's columns."""

SAME_IN_ALL = {
    "state": State.DELIVERED.value,
    "attempts": 1,
    "deciding_state": State.DELIVERED.value,
    "deciding_attempt": 1,
}
"""What is alike in all first rows; the columns that are left are empty."""

# The others are announced before they are tried.
_UNANNOUNCED = frozenset({Cause.EVENT.value, Cause.REPLAY.value})

FirstRow = tuple[object, ...]


class Divided(NamedTuple):
    """The attempts of a batch."""

    first: list[FirstRow]
    """In the order of their ids, so that their neighbours in the store are written together."""
    hours: Mapping[HourKey, int]
    """How many of the first began in which hour; all were accepted."""
    rest: list[Attempt]


NONE_FIRST = Divided([], {}, [])


def divided(attempts: Iterable[Attempt], others: Iterable[str]) -> Divided:
    """Part off what is a first row, unless more is said of its delivery, here or by `others`."""
    first: dict[str, Attempt] = {}
    rest: list[Attempt] = []
    for attempt in attempts:
        if _is_first(attempt) and attempt.delivery_id not in first:
            first[attempt.delivery_id] = attempt
        else:
            rest.append(attempt)
    spoken_of = {attempt.delivery_id for attempt in rest}
    spoken_of.update(others)
    rest += [first.pop(each) for each in sorted(spoken_of) if each in first]
    chosen = [first[delivery_id] for delivery_id in sorted(first)]
    return Divided(list(map(_first_row, chosen)), Counter(map(hour_of, chosen)), rest)


def _is_first(attempt: Attempt) -> bool:
    return (
        attempt.attempt == 1
        and is_slim(attempt)
        and attempt.cause in _UNANNOUNCED
        and not _holds_nul(attempt)
    )


def _holds_nul(attempt: Attempt) -> bool:
    """A text has to be altered before it can be stored."""
    return "\0" in "".join(
        (
            attempt.account,
            attempt.endpoint,
            attempt.webhook_id,
            attempt.event_id,
            attempt.event_type,
            attempt.subject or "",
            attempt.cause_id or "",
        )
    )


def _first_row(attempt: Attempt) -> FirstRow:
    return (
        attempt.delivery_id,
        attempt.account,
        attempt.endpoint,
        attempt.webhook_id,
        attempt.event_id,
        attempt.event_type,
        attempt.subject,
        attempt.cause,
        attempt.cause_id,
        attempt.occurred_at_us,
        attempt.started_at_ms,
        attempt.started_at_ms,
        attempt.status,
        *attempt.record,
        number(attempt.duration_ms),
        as_json(attempt.phases),
        attempt.address,
    )
