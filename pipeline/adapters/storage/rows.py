"""Rows of the store, and the domain's values that they are made of and become again."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pipeline.domain.delivery import Attempt, Decision, Outcome, Position
from pipeline.domain.delivery_state import (
    Buried,
    Identity,
    Standing,
    State,
    Tried,
    identity_of_attempt,
)


class DeliveryRow(NamedTuple):
    """A row of `deliveries`; fields are its columns, in their order."""

    id: str
    account: str
    endpoint: str
    webhook_id: str | None
    event_id: str | None
    event_type: str | None
    subject: str | None
    cause: str | None
    cause_id: str | None
    occurred_at_us: int | None
    original: str | None
    created_at_ms: int
    state: int
    attempts: int
    deciding_state: int | None
    deciding_attempt: int | None
    last_attempt_at_ms: int | None
    http_status: int | None
    next_attempt_at_ms: int | None
    record_topic: str | None
    record_partition: int | None
    record_offset: int | None
    only_duration_ms: float | None
    only_phases: str | None
    only_address: str | None


FIRST_OF_STANDING = DeliveryRow._fields.index("state")
"""The columns from here on change from attempt to attempt."""


class AttemptRow(NamedTuple):
    """A row of `attempts`; fields are its columns, in their order."""

    delivery_id: str
    attempt: int
    started_at_ms: int
    duration_ms: float
    outcome: str
    http_status: int | None
    decision: str
    next_attempt_at_ms: int | None
    record_topic: str
    record_partition: int
    record_offset: int
    phases: str | None
    request_headers: str | None
    response_headers: str | None
    response_body: bytes | None
    error: str | None
    address: str | None
    reason: str | None


class DeadLetterRow(NamedTuple):
    """A row of `dead_letters`; fields are its columns, in their order."""

    id: str
    reason: str
    dead_at_ms: int
    account: str | None
    endpoint: str | None
    event_type: str | None
    attempts: int
    outcome: str | None
    http_status: int | None
    error: str | None
    source_topic: str
    source_partition: int
    source_offset: int
    record_topic: str
    record_partition: int
    record_offset: int


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
    return Only(_number(attempt.duration_ms), _json(attempt.phases), attempt.address)


def only_of(row: AttemptRow) -> Only:
    return Only(row.duration_ms, row.phases, row.address)


_NO_DECIDING = (None,) * 8


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
        _number(attempt.duration_ms),
        _json(attempt.phases),
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


def attempt_row(attempt: Attempt) -> AttemptRow:
    return AttemptRow(
        attempt.delivery_id,
        attempt.attempt,
        attempt.started_at_ms,
        _number(attempt.duration_ms),
        attempt.outcome,
        attempt.status,
        attempt.decision,
        attempt.next_attempt_at_ms,
        *attempt.record,
        _json(attempt.phases),
        _json(attempt.request_headers),
        _json(attempt.response_headers),
        attempt.response_body,
        storable(attempt.error),
        attempt.address,
        attempt.reason,
    )


def attempt_of(row: AttemptRow, identity: Identity) -> Attempt:
    """The attempt as it was recorded; what its delivery's row does not know is empty."""
    return Attempt(
        delivery_id=row.delivery_id,
        webhook_id=identity.webhook_id or "",
        event_id=identity.event_id or "",
        event_type=identity.event_type or "",
        subject=identity.subject,
        account=identity.account,
        endpoint=identity.endpoint,
        cause=identity.cause or "",
        cause_id=identity.cause_id,
        occurred_at_us=identity.occurred_at_us or 0,
        attempt=row.attempt,
        started_at_ms=row.started_at_ms,
        duration_ms=row.duration_ms,
        outcome=row.outcome,
        status=row.http_status,
        decision=row.decision,
        next_attempt_at_ms=row.next_attempt_at_ms,
        record=Position(row.record_topic, row.record_partition, row.record_offset),
        phases=_NUMBERS.decode(row.phases) if row.phases else None,
        request_headers=_TEXTS.decode(row.request_headers) if row.request_headers else None,
        response_headers=_TEXTS.decode(row.response_headers) if row.response_headers else None,
        response_body=row.response_body,
        error=row.error,
        address=row.address,
        reason=row.reason,
    )


def dead_letter_row(buried: Buried) -> DeadLetterRow:
    letter = buried.letter
    return DeadLetterRow(
        storable(letter.id) or "",
        letter.reason,
        letter.dead_at_ms,
        storable(letter.account),
        storable(letter.endpoint),
        storable(letter.event_type),
        letter.attempts,
        letter.outcome,
        letter.status,
        storable(letter.error),
        *letter.source,
        *buried.record,
    )


def storable(text: str | None) -> str | None:
    """PostgreSQL keeps no NUL in a text; both stores keep the same instead."""
    if text is not None and "\0" in text:
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text


def _storable(identity: Identity) -> Identity:
    if "\0" not in "".join([part for part in identity if isinstance(part, str)]):
        return identity
    return Identity._make(storable(part) if isinstance(part, str) else part for part in identity)


_TEXTS = msgspec.json.Decoder(dict[str, str])
_NUMBERS = msgspec.json.Decoder(dict[str, float])
_ENCODER = msgspec.json.Encoder()


def _json(value: dict[str, str] | dict[str, float] | None) -> str | None:
    return None if value is None else _ENCODER.encode(value).decode()


def _number(value: float) -> float:
    """SQLite keeps a NaN as NULL."""
    return value if value == value else 0.0  # noqa: PLR0124 - only a NaN is unequal to itself


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
