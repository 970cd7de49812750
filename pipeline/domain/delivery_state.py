"""How a delivery stands, joined from facts that arrive late, twice and in any order.

Attempts and dead letters are read from logs that may be read again from any earlier place. Every
fact therefore becomes a `Standing`, and standings are joined: the join is commutative, associative
and idempotent, so any order and any repetition of the same facts ends in the same standing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, TypeVar

from pipeline.domain.delivery import Attempt, DeadLetter, Decision, Delivery, Position, Reason

T = TypeVar("T")


class State(IntEnum):
    """How far a delivery is; the greater one holds.

    The numbers are stored and compared in the store. The gaps are for states to come.
    """

    PENDING = 0
    RETRYING = 20
    DEAD = 40
    DROPPED = 50
    DELIVERED = 60

    @property
    def status(self) -> str:
        """The name that people read and filter by."""
        return self.name.lower()


_STATE_AFTER = {
    Decision.DELIVERED.value: State.DELIVERED.value,
    Decision.RETRY.value: State.RETRYING.value,
    Decision.DEAD.value: State.DEAD.value,
}


class Tried(NamedTuple):
    """What one attempt says about its delivery."""

    state: int
    attempt: int
    started_at_ms: int
    http_status: int | None
    next_attempt_at_ms: int | None
    record: Position


class Standing(NamedTuple):
    """How a delivery stands, by what is known of it so far."""

    state: int
    attempts: int
    """The greatest number of an attempt that was heard of."""
    created_at_ms: int
    """The earliest time at which it was heard of."""
    deciding: Tried | None
    """The attempt that tells: of those that led furthest, the latest."""


class Identity(NamedTuple):
    """What a delivery is; never changes, but some facts do not know all of it."""

    account: str
    endpoint: str
    webhook_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    subject: str | None = None
    cause: str | None = None
    cause_id: str | None = None
    occurred_at_us: int | None = None
    original: str | None = None
    """The delivery that this one repeats, where somebody triggered it again."""


class Pending(NamedTuple):
    """A delivery that was just written to Kafka and that nobody has tried yet."""

    delivery: Delivery
    created_at_ms: int
    original: str | None = None


class Buried(NamedTuple):
    """A dead letter as it was found on its topic."""

    letter: DeadLetter
    record: Position
    """Where the dead letter itself lies."""
    delivery: Delivery | None = None
    """The letter's delivery, decoded, where there is one."""


def standing_after(attempt: Attempt) -> Standing:
    """What one attempt says. An unknown decision (of a newer sender) says nothing of the state."""
    state = _STATE_AFTER.get(attempt.decision, State.PENDING.value)
    tried = Tried(
        state,
        attempt.attempt,
        attempt.started_at_ms,
        attempt.status,
        attempt.next_attempt_at_ms,
        attempt.record,
    )
    return Standing(state, attempt.attempt, attempt.started_at_ms, tried)


def standing_buried(buried: Buried) -> Standing:
    """What a dead letter says; the attempts themselves are told by the attempts."""
    letter, _, delivery = buried
    created_at_ms = letter.dead_at_ms
    if delivery is not None and delivery.first_attempt_at_ms is not None:
        created_at_ms = min(created_at_ms, delivery.first_attempt_at_ms)
    state = State.DROPPED if letter.reason == Reason.DROPPED else State.DEAD
    return Standing(state.value, letter.attempts, created_at_ms, None)


def standing_pending(pending: Pending) -> Standing:
    return Standing(State.PENDING.value, 0, pending.created_at_ms, None)


def standing_dropped(created_at_ms: int) -> Standing:
    """What somebody says who drops it."""
    return Standing(State.DROPPED.value, 0, created_at_ms, None)


def joined(one: Standing, other: Standing) -> Standing:
    """What both say together."""
    return Standing(
        max(one.state, other.state),
        max(one.attempts, other.attempts),
        min(one.created_at_ms, other.created_at_ms),
        _deciding(one.deciding, other.deciding),
    )


def identity_of_attempt(attempt: Attempt) -> Identity:
    return Identity(
        attempt.account,
        attempt.endpoint,
        attempt.webhook_id,
        attempt.event_id,
        attempt.event_type,
        attempt.subject,
        attempt.cause,
        attempt.cause_id,
        attempt.occurred_at_us,
    )


def identity_of_delivery(delivery: Delivery, original: str | None = None) -> Identity:
    return Identity(
        delivery.account,
        delivery.endpoint,
        delivery.webhook_id,
        delivery.event_id,
        delivery.event_type,
        delivery.subject,
        delivery.cause,
        delivery.cause_id,
        delivery.occurred_at_us,
        original,
    )


def identity_of_buried(buried: Buried) -> Identity | None:
    """None where the dead letter is of no delivery, or does not say whose."""
    letter, _, delivery = buried
    if delivery is not None:
        return identity_of_delivery(delivery)
    if letter.delivery is None or letter.account is None or letter.endpoint is None:
        return None
    return Identity(letter.account, letter.endpoint, event_type=letter.event_type)


def completed(one: Identity, other: Identity) -> Identity:
    """What both know together; what both know is the same."""
    return Identity(
        one.account,
        one.endpoint,
        _either(one.webhook_id, other.webhook_id),
        _either(one.event_id, other.event_id),
        _either(one.event_type, other.event_type),
        _either(one.subject, other.subject),
        _either(one.cause, other.cause),
        _either(one.cause_id, other.cause_id),
        _either(one.occurred_at_us, other.occurred_at_us),
        _either(one.original, other.original),
    )


def _either(one: T | None, other: T | None) -> T | None:
    return other if one is None else one


def _deciding(one: Tried | None, other: Tried | None) -> Tried | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=_weight)


def _weight(tried: Tried) -> tuple[int | Position, ...]:
    """Every field counts, so that two different attempts never weigh the same."""
    return (
        tried.state,
        tried.attempt,
        tried.started_at_ms,
        -1 if tried.http_status is None else tried.http_status,
        -1 if tried.next_attempt_at_ms is None else tried.next_attempt_at_ms,
        tried.record,
    )
