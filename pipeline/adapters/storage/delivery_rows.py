"""Rows of `deliveries`, and the domain's values that they are made of and become again."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.adapters.storage.column_values import as_json, number, storable
from pipeline.adapters.storage.rows import AttemptRow, DeliveryRow
from pipeline.domain.delivery import Attempt, Decision, Outcome, Position
from pipeline.domain.delivery_state import (
    Identity,
    Standing,
    State,
    Tried,
    identity_of_attempt,
)


class Only(NamedTuple):
    """What the delivery's row says of an only attempt, beside what decides."""

    duration_ms: float | None = None
    phases: str | None = None
    address: str | None = None


NOT_ONLY = Only()


# Looked up once: a member's value costs a call, and these are needed for each row.
_DELIVERED = State.DELIVERED.value
_DECIDED_DELIVERED = Decision.DELIVERED.value
_ACCEPTED = Outcome.ACCEPTED.value
_NO_DECIDING = (None,) * 8


def is_slim(attempt: Attempt) -> bool:
    """Whether the delivery's row can say all of this attempt, as long as it is the only one."""
    return (
        attempt.decision == _DECIDED_DELIVERED
        and attempt.outcome == _ACCEPTED
        and attempt.next_attempt_at_ms is None
        and attempt.request_headers is None
        and attempt.response_headers is None
        and attempt.response_body is None
        and attempt.error is None
        and attempt.reason is None
    )


def only(attempt: Attempt) -> Only:
    return Only(number(attempt.duration_ms), as_json(attempt.phases), attempt.address)


def only_of(row: AttemptRow) -> Only:
    return Only(row.duration_ms, row.phases, row.address)


def delivery_row(
    delivery_id: str, identity: Identity, standing: Standing, only_one: Only
) -> DeliveryRow:
    state, attempts, created_at_ms, tried = standing
    if tried is None:
        deciding = _NO_DECIDING
    else:
        deciding = (
            tried.state,
            tried.attempt,
            tried.started_at_ms,
            tried.http_status,
            tried.next_attempt_at_ms,
            *tried.record,
        )
    identity = _storable(identity)
    return DeliveryRow._make(
        (delivery_id, *identity, created_at_ms, state, attempts, *deciding, *only_one)
    )


def slim_row(attempt: Attempt) -> DeliveryRow:
    """The row of a delivery of which nothing is known but this slim attempt."""
    identity = _storable(identity_of_attempt(attempt))
    return DeliveryRow(
        attempt.delivery_id,
        *identity,
        attempt.started_at_ms,
        _DELIVERED,
        attempt.attempt,
        _DELIVERED,
        attempt.attempt,
        attempt.started_at_ms,
        attempt.status,
        None,
        *attempt.record,
        number(attempt.duration_ms),
        as_json(attempt.phases),
        attempt.address,
    )


def identity_of(row: DeliveryRow) -> Identity:
    return Identity._make(row[1:11])


def standing_of(row: DeliveryRow) -> Standing:
    return Standing(row.state, row.attempts, row.created_at_ms, _deciding_of(row))


def only_attempt_of(row: DeliveryRow) -> AttemptRow | None:
    """The attempt that the delivery's row holds instead of `attempts`, if it does."""
    tried = _deciding_of(row)
    if row.only_duration_ms is None or tried is None:
        return None
    return AttemptRow(
        row.id,
        tried.attempt,
        tried.started_at_ms,
        row.only_duration_ms,
        _ACCEPTED,
        tried.http_status,
        _DECIDED_DELIVERED,
        None,
        *tried.record,
        row.only_phases,
        None,
        None,
        None,
        None,
        row.only_address,
        None,
    )


def _storable(identity: Identity) -> Identity:
    if "\0" not in "".join([part for part in identity if isinstance(part, str)]):
        return identity
    return Identity._make(storable(part) if isinstance(part, str) else part for part in identity)


def _deciding_of(row: DeliveryRow) -> Tried | None:
    if (
        row.deciding_state is None
        or row.deciding_attempt is None
        or row.last_attempt_at_ms is None
        or row.record_topic is None
        or row.record_partition is None
        or row.record_offset is None
    ):
        return None
    return Tried(
        row.deciding_state,
        row.deciding_attempt,
        row.last_attempt_at_ms,
        row.http_status,
        row.next_attempt_at_ms,
        Position(row.record_topic, row.record_partition, row.record_offset),
    )
