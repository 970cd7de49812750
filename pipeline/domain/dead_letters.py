"""How a dead letter is made of what failed."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.domain.delivery import DeadLetter, Delivery, Position, Reason
from pipeline.domain.event import Event
from pipeline.domain.event_rules import EVERY_ACCOUNT

KEPT_OF_OVERSIZE_BYTES = 64 * 1024
LARGEST_RAW_BYTES = 4 * 1024 * 1024
"""Raw bytes up to this fit into a dead letter whole."""
LONGEST_ERROR_CHARS = 1024


class LastFailure(NamedTuple):
    """What the last attempt gave, where there was one."""

    outcome: str | None = None
    status: int | None = None
    error: str | None = None


NEVER_TRIED = LastFailure()


class RawRecord(NamedTuple):
    """A record as it lies in Kafka."""

    source: Position
    key: bytes | None
    value: bytes | None


def of_delivery(
    delivery: Delivery, reason: Reason, *, at: Position, encoded: bytes, now_ms: int
) -> DeadLetter:
    """A delivery that will not be tried any more.

    `at` is where it lay, `encoded` what lay there.
    """
    return DeadLetter(
        id=delivery.delivery_id,
        reason=reason,
        dead_at_ms=now_ms,
        source=at,
        account=delivery.account,
        endpoint=delivery.endpoint,
        event_type=delivery.event_type,
        attempts=delivery.attempt - 1,
        delivery=encoded,
    )


def after_attempt(letter: DeadLetter, failure: LastFailure, *, attempts: int) -> DeadLetter:
    """The same with what the last attempt gave."""
    return letter._replace(
        attempts=attempts,
        outcome=failure.outcome,
        status=failure.status,
        error=(failure.error or "")[:LONGEST_ERROR_CHARS] or None,
    )


def of_event(letter: DeadLetter, event: Event) -> DeadLetter:
    """The same of a record that is an event: whose it is, and of which type.

    One for every account stays nobody's: it is the operator's.
    """
    account = None if event.account == EVERY_ACCOUNT else event.account
    return letter._replace(account=account, event_type=event.type)


def of_record(raw: RawRecord, reason: Reason, *, error: str, now_ms: int) -> DeadLetter:
    """A record that no delivery can be made of, with its bytes.

    Of an oversize one the first 64 KiB.
    """
    source = raw.source
    value = raw.value
    if value is not None and (reason == Reason.OVERSIZE or len(value) > LARGEST_RAW_BYTES):
        value = value[:KEPT_OF_OVERSIZE_BYTES]
    return DeadLetter(
        id=f"{source.topic}/{source.partition}/{source.offset}",
        reason=reason,
        dead_at_ms=now_ms,
        source=source,
        error=error[:LONGEST_ERROR_CHARS],
        raw_key=raw.key[:KEPT_OF_OVERSIZE_BYTES] if raw.key else raw.key,
        raw=value,
    )
