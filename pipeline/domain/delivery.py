"""A delivery (one event to one endpoint), its attempts and the dead letter it may end as."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Position(NamedTuple):
    """Where a record lies in Kafka."""

    topic: str
    partition: int
    offset: int


class Cause(StrEnum):
    """Why a delivery exists."""

    EVENT = "event"
    TEST = "test"
    TRIGGER_AGAIN = "trigger_again"
    REPLAY = "replay"
    REDRIVE = "redrive"


class Outcome(StrEnum):
    """What one attempt gave."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"


class Decision(StrEnum):
    """What follows an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class Reason(StrEnum):
    """Why a dead letter is one."""

    EXHAUSTED = "exhausted"
    FINAL = "final"
    GONE = "gone"
    EXPIRED = "expired"
    INACTIVE = "inactive"
    ENDPOINT_REMOVED = "endpoint_removed"
    ENDPOINT_UNAVAILABLE = "endpoint_unavailable"
    NO_SUBJECT = "no_subject"
    UNDECODABLE = "undecodable"
    OVERSIZE = "oversize"
    CRASHED = "crashed"
    DROPPED = "dropped"
    """Nothing failed: its owner did not want it any more."""


class Delivery(NamedTuple):
    """One event on its way to one endpoint, with the body as it will be sent.

    Fields that change from endpoint to endpoint or from attempt to attempt come first, so that an
    encoder can share the encoded tail between the endpoints of one event.
    """

    delivery_id: str
    webhook_id: str
    endpoint: str
    endpoint_version: int
    """Offset of the endpoint's table record that routed it."""
    attempt: int
    """Number of the next attempt, from 1."""
    first_attempt_at_ms: int | None
    due_at_ms: int | None
    """Not before this time; None means at once."""
    parked: int
    """How often it was put aside without spending an attempt."""
    cause: str
    cause_id: str | None
    account: str
    event_id: str
    event_type: str
    subject: str | None
    occurred_at_us: int
    body: bytes
    content_type: str
    headers: dict[str, str]
    """Headers fixed when it was routed (beside those of the profile and endpoint)."""
    source: Position
    """Where the event lies."""


class Attempt(NamedTuple):
    """One try of a delivery and what it gave; secrets in headers are masked before it is built."""

    delivery_id: str
    webhook_id: str
    event_id: str
    event_type: str
    subject: str | None
    account: str
    endpoint: str
    cause: str
    cause_id: str | None
    occurred_at_us: int
    attempt: int
    started_at_ms: int
    duration_ms: float
    outcome: str
    status: int | None
    decision: str
    next_attempt_at_ms: int | None
    record: Position
    """Where the delivery that was tried lies, so that its body can be read again."""
    phases: dict[str, float] | None = None
    """Milliseconds: dns, connect, tls, first_byte, total."""
    request_headers: dict[str, str] | None = None
    response_headers: dict[str, str] | None = None
    response_body: bytes | None = None
    error: str | None = None
    address: str | None = None
    reason: str | None = None
    """The dead letter's reason where the decision is `dead`."""


class DeadLetter(NamedTuple):
    """What finally failed, whole, so that it can be looked at and sent again."""

    id: str
    """The delivery's id, or `<topic>/<partition>/<offset>` where there is no delivery."""
    reason: str
    dead_at_ms: int
    source: Position
    """The record that became this dead letter."""
    account: str | None = None
    endpoint: str | None = None
    event_type: str | None = None
    attempts: int = 0
    outcome: str | None = None
    status: int | None = None
    error: str | None = None
    delivery: bytes | None = None
    """The delivery as an encoded record."""
    raw_key: bytes | None = None
    raw: bytes | None = None
    """The raw record where no delivery could be made of it (of an oversize one the first 64
    KiB)."""
