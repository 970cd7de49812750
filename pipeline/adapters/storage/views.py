"""What can be read from the store, and by what it can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.domain.delivery import Position
from pipeline.domain.delivery_state import State

_ARCHIVED_AFTER_MS = 60 * 24 * 3_600_000


class StoredDelivery(NamedTuple):
    """How a delivery stands. What no fact has told yet is None."""

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
    status: str
    http_status: int | None
    """Of the attempt that decided; None where nobody answered."""
    attempts: int
    created_at_ms: int
    last_attempt_at_ms: int | None
    next_attempt_at_ms: int | None
    """Only while it is retried."""
    original: str | None
    """The delivery that this one repeats, where it was triggered again."""
    times_triggered: int
    record: Position | None
    """Where the body that was sent lies in Kafka."""

    def is_archived(self, now_ms: int) -> bool:
        """Whether its body is kept no longer: 60 days after it was last of use."""
        last_ms = self.created_at_ms if self.last_attempt_at_ms is None else self.last_attempt_at_ms
        return now_ms - last_ms >= _ARCHIVED_AFTER_MS


class StoredDeadLetter(NamedTuple):
    """A dead letter without its payload, which lies in Kafka at `record`."""

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
    source: Position
    record: Position


class HourCount(NamedTuple):
    """Attempts to one endpoint that started in one hour and got one answer."""

    hour_ms: int
    http_status: int | None
    requests: int
    accepted: int


class Place(NamedTuple):
    """Where a page of a list ended; the next begins behind it."""

    time_ms: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries are meant; what is None is not asked for."""

    account: str | None = None
    endpoint: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    subject: str | None = None
    cause: str | None = None
    original: str | None = None
    state: State | None = None
    http_status: tuple[int, int] | None = None
    """From and to, both included: (503, 503), (500, 599)."""
    since_ms: int | None = None
    until_ms: int | None = None
    """Before this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which dead letters are meant; what is None is not asked for."""

    account: str | None = None
    endpoint: str | None = None
    reason: str | None = None
    event_type: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    """Before this time."""
