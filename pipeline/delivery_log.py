"""The log of deliveries: what can be read of it, how it is asked for that, and what may be added.

Blocking: called in threads. Everything raises `ports.StoreFailed` where the store cannot be asked
now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from pipeline.domain.deletion import KEPT_MS
from pipeline.domain.delivery import Attempt, Delivery, Position
from pipeline.domain.delivery_state import Pending
from pipeline.domain.endpoint import Endpoint

ARCHIVED_AFTER_MS: Final = KEPT_MS
"""So long after a delivery was last of use its request can be read, where nothing else is set."""


class Status(StrEnum):
    """How a delivery stands, as people read it and filter by it."""

    PENDING = "pending"
    HELD = "held"
    """Unfinished, and its endpoint or its account receives nothing now."""
    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    DROPPED = "dropped"


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

    def is_archived(self, now_ms: int, *, after_ms: int = ARCHIVED_AFTER_MS) -> bool:
        """Whether its request is kept no longer: so long after it was last of use."""
        last_ms = self.created_at_ms if self.last_attempt_at_ms is None else self.last_attempt_at_ms
        return now_ms - last_ms >= after_ms


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
    """Attempts that started in one hour and got one answer."""

    hour_ms: int
    http_status: int | None
    requests: int
    accepted: int
    triggered: int = 0
    """Of deliveries that somebody triggered again."""


class LatencyCount(NamedTuple):
    """Attempts that took about as long (`domain/latency.py`)."""

    bucket: int
    requests: int


class ReasonCount(NamedTuple):
    """Dead letters of one reason."""

    reason: str
    letters: int
    newest_ms: int


class EndpointCount(NamedTuple):
    """Attempts at one endpoint."""

    endpoint: str
    account: str
    requests: int
    accepted: int


class Counted(NamedTuple):
    """What was counted of a time."""

    hours: Sequence[HourCount]
    """In the order of hours, then of statuses."""
    latencies: Sequence[LatencyCount]
    """From short to long; attempts whose duration was not counted are in none."""


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
    status: Status | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFilter:
    """Whose attempts are counted; nothing: everybody's."""

    account: str | None = None
    endpoint: str | None = None


class DeliveryLog(Protocol):
    """Reads the log. Lists are the newest first, at most `limit` (and 1,000) at a time."""

    def delivery(self, delivery_id: str) -> StoredDelivery | None: ...

    def deliveries(
        self, wanted: DeliveryFilter, *, limit: int, after: Place | None = None
    ) -> list[StoredDelivery]:
        """Only those behind `after`, if that is given: what comes in meanwhile moves nothing."""
        ...

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """Every attempt of a delivery, in their order."""
        ...

    def dead_letter(self, letter_id: str) -> StoredDeadLetter | None: ...

    def dead_letters(
        self, wanted: DeadLetterFilter, *, limit: int, after: Place | None = None
    ) -> list[StoredDeadLetter]: ...

    def reasons(self, wanted: DeadLetterFilter, *, most: int) -> list[ReasonCount]:
        """How many there are of each reason among the newest `most`, the most first."""
        ...

    def counted(self, of: CountFilter, *, since_ms: int, until_ms: int) -> Counted:
        """In the hours that begin from `since_ms` on and before `until_ms`."""
        ...

    def counted_of_each(
        self, endpoints: Sequence[str], account: str | None, *, since_ms: int, until_ms: int
    ) -> Mapping[str, Counted]:
        """Of each of them, and nothing of one that is not `account`'s if that is given."""
        ...

    def failing(
        self, of: CountFilter, *, since_ms: int, until_ms: int, limit: int
    ) -> list[EndpointCount]:
        """In these hours, those with the most attempts that failed; none that had no failure."""
        ...


class DeliveryRows(Protocol):
    """Adds to the log what nobody has tried yet."""

    def announce(self, pending: Sequence[Pending]) -> None:
        """They can be looked up when this returns. Announced again, they count once."""
        ...

    def drop(self, delivery: StoredDelivery) -> None:
        """It is dropped when this returns, unless it was delivered."""
        ...


class WaitingDelivery(NamedTuple):
    """A delivery that is not finished, as its record in Kafka has it, without its body."""

    delivery: Delivery
    since_ms: int
    """When it was tried first, or its record was appended."""


class Waiting(NamedTuple):
    """What waits for one endpoint."""

    total: int
    oldest_at_ms: int | None
    items: Sequence[WaitingDelivery]
    """The oldest first."""
    is_complete: bool
    """Whether all was read: if not, there may be more."""


class WaitingLog(Protocol):
    """Reads what is not finished."""

    def waiting(
        self, endpoint: Endpoint, *, limit: int, is_over: Callable[[Delivery], bool]
    ) -> Waiting:
        """At most so many items, without the copies that nobody tries any more.

        Bounded in time and in records. Raises ports.LogsUnavailable.
        """
        ...


class LogArchive(Protocol):
    """Forgets what is old, a bounded number at a time; 0: nothing was left."""

    def prepare(self, *, now_ms: int) -> None:
        """What is written in the next days has its place."""
        ...

    def blank(self, *, before_ms: int) -> int:
        """Headers and bodies of attempts that started earlier; the rows stay. How many."""
        ...

    def forget(self, *, before_ms: int) -> int:
        """What is older, whole: deliveries, dead letters and counts. How many.

        Attempts may stay until the last of their day is as old.
        """
        ...

    def add_up(self) -> int:
        """Counts come into the totals that programs of an older version have left out. How many."""
        ...

    def release(self) -> int:
        """Room that nothing needs any more goes back to the disk, in pages. How many."""
        ...


class RecordLog(Protocol):
    """Reads single records of topics."""

    def read(self, position: Position) -> bytes | None:
        """A record's value; None where it is not there any more.

        Raises ports.LogsUnavailable: the brokers do not answer now.
        """
        ...
