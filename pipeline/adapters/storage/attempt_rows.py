"""Rows of `attempts` and `dead_letters`, and the domain's values that they are made of."""

from __future__ import annotations

from pipeline.adapters.storage.column_values import (
    as_json,
    number,
    numbers_of,
    storable,
    texts_of,
)
from pipeline.adapters.storage.rows import AttemptRow, DeadLetterRow
from pipeline.domain.delivery import Attempt, Position
from pipeline.domain.delivery_state import Buried, Identity


def attempt_row(attempt: Attempt) -> AttemptRow:
    return AttemptRow(
        attempt.delivery_id,
        attempt.attempt,
        attempt.started_at_ms,
        number(attempt.duration_ms),
        attempt.outcome,
        attempt.status,
        attempt.decision,
        attempt.next_attempt_at_ms,
        *attempt.record,
        as_json(attempt.phases),
        as_json(attempt.request_headers),
        as_json(attempt.response_headers),
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
        phases=numbers_of(row.phases),
        request_headers=texts_of(row.request_headers),
        response_headers=texts_of(row.response_headers),
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
