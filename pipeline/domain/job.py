"""Jobs: replays (past events routed again) and redrives (dead letters sent again), as data.

Two records tell of a job, each written by one side alone: the order by the API, and the progress by
whoever runs it. So neither overwrites what the other has just said.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

import msgspec

DEFAULT_RATE: Final = 50
"""Deliveries a second that a job writes at most, unless its order says otherwise."""
MAX_RATE: Final = 1_000
MAX_IDS: Final = 1_000
"""Dead letters that one order names."""


_PROGRESS: Final = "/progress"


class JobKind(StrEnum):
    """What is sent again."""

    REPLAY = "replay"
    REDRIVE = "redrive"


class JobStatus(StrEnum):
    """How far a job is."""

    COUNTING = "counting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more comes of it."""
        return self in _FINAL


_FINAL: Final = frozenset({JobStatus.DONE, JobStatus.CANCELLED, JobStatus.FAILED})


class Only(StrEnum):
    """Which events a replay takes."""

    ALL = "all"
    UNDELIVERED = "undelivered"


class JobPart(StrEnum):
    """Which half of a job a record tells."""

    ORDER = "order"
    PROGRESS = "progress"


class JobRecord(NamedTuple):
    """A record of the topic `jobs`."""

    id: str
    part: str
    document: str
    """JSON."""

    @property
    def key(self) -> bytes:
        """The newest record of each key is what holds."""
        ending = "" if self.part == JobPart.ORDER else _PROGRESS
        return f"{self.id}{ending}".encode()


class InvalidJob(ValueError):
    """A record's document is none that this version knows."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is to be read of a partition: from `next_offset` up to, not including, `end_offset`."""

    topic: str
    partition: int
    next_offset: int
    end_offset: int

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to be read."""
        return self.next_offset >= self.end_offset


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What somebody asked for. `since_ms` is inclusive, `until_ms` is not."""

    id: str
    kind: JobKind
    created_at_ms: int
    account: str | None = None
    """Whose things are sent; None: those of every account."""
    endpoint: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    event_types: tuple[str, ...] = ()
    """Type patterns; none: every type."""
    only: Only = Only.ALL
    new_ids: bool = False
    """Whether receivers see ids that they have not seen before."""
    dry_run: bool = False
    reason: str | None = None
    ids: tuple[str, ...] = ()
    """Of dead letters; none: all that the rest admits."""
    rate_per_second: int = DEFAULT_RATE
    cancelled_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is. All that lies before the spans' next offsets was acknowledged."""

    status: JobStatus
    spans: tuple[Span, ...] = ()
    matched: int = 0
    """Deliveries that are to be made."""
    sent: int = 0
    skipped: int = 0
    """Delivered meanwhile, or their endpoint does not receive."""
    unreadable: int = 0
    """Events and dead letters that no delivery can be made of."""
    error: str | None = None
    updated_at_ms: int = 0

    def past(self, span: Span, next_offset: int) -> JobProgress:
        """The same with a partition read up to here; never back."""
        return replace(
            self,
            spans=tuple(
                replace(each, next_offset=max(each.next_offset, next_offset))
                if (each.topic, each.partition) == (span.topic, span.partition)
                else each
                for each in self.spans
            ),
        )

    def closed(self) -> JobProgress:
        """The same at the end: what was counted and not sent has come through meanwhile."""
        return replace(self, skipped=max(self.matched - self.sent, 0))


NOT_BEGUN: Final = JobProgress(JobStatus.COUNTING)


@dataclass(frozen=True, slots=True)
class Job:
    """Both halves."""

    order: JobOrder
    progress: JobProgress = NOT_BEGUN
    told_at_ms: int = 0
    """When the broker appended the progress; 0: nobody has told any."""

    @property
    def status(self) -> JobStatus:
        """Cancelled from the moment it was ordered to be, unless it had ended by then."""
        if self.order.cancelled_at_ms is not None and not self.progress.status.is_final:
            return JobStatus.CANCELLED
        return self.progress.status


def order_record(order: JobOrder) -> JobRecord:
    return JobRecord(order.id, JobPart.ORDER, _json(order))


def progress_record(job_id: str, progress: JobProgress) -> JobRecord:
    return JobRecord(job_id, JobPart.PROGRESS, _json(progress))


class JobTable:
    """All jobs, as the topic's records tell them in order."""

    def __init__(self) -> None:
        self._orders: dict[str, JobOrder] = {}
        self._progress: dict[str, tuple[JobProgress, int]] = {}

    def apply(self, record: JobRecord, *, appended_at_ms: int) -> None:
        """Raises InvalidJob, and has changed nothing then."""
        if record.part == JobPart.ORDER:
            order = _read(record.document, JobOrder)
            _check_all_known(record.document)
            self._orders[record.id] = order
        else:
            self._progress[record.id] = (_read(record.document, JobProgress), appended_at_ms)

    def forget(self, key: bytes) -> None:
        """Its record was taken back."""
        job_id, is_progress, _ = key.decode(errors="replace").partition(_PROGRESS)
        (self._progress if is_progress else self._orders).pop(job_id, None)

    def ended_before(self, time_ms: int) -> list[bytes]:
        """Keys of the jobs that ended so long ago; the order goes first, so no half is left open.

        Of a progress without its order, too.
        """
        keys: list[bytes] = []
        for job_id, (progress, told_at_ms) in self._progress.items():
            if progress.status.is_final and told_at_ms < time_ms:
                if job_id in self._orders:
                    keys.append(job_id.encode())
                keys.append(f"{job_id}{_PROGRESS}".encode())
        return keys

    def job(self, job_id: str) -> Job | None:
        order = self._orders.get(job_id)
        if order is None:
            return None
        return Job(order, *self._progress.get(job_id, (NOT_BEGUN, 0)))

    def is_cancelled(self, job_id: str) -> bool:
        order = self._orders.get(job_id)
        return order is not None and order.cancelled_at_ms is not None

    def jobs(self) -> list[Job]:
        """The newest first."""
        found = (self.job(job_id) for job_id in self._orders)
        return sorted(
            (job for job in found if job is not None),
            key=lambda job: (job.order.created_at_ms, job.order.id),
            reverse=True,
        )

    def open_jobs(self) -> list[Job]:
        """Those that somebody has to run or to close, the oldest first."""
        return [job for job in reversed(self.jobs()) if not job.progress.status.is_final]


def _json(document: JobOrder | JobProgress) -> str:
    return msgspec.json.encode(document).decode()


_T = TypeVar("_T", JobOrder, JobProgress)


def _read(document: str, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(document, type=kind)
    except msgspec.DecodeError as exc:
        raise InvalidJob(str(exc)) from exc


def _check_all_known(document: str) -> None:
    """A condition of a newer version that nobody here looks at would send what is not wanted."""
    unknown = msgspec.json.decode(document, type=dict[str, msgspec.Raw]).keys() - _ORDER_FIELDS
    if unknown:
        raise InvalidJob(f"{', '.join(sorted(unknown))}: left to the newer version that wrote it")


_ORDER_FIELDS: Final = frozenset(field.name for field in fields(JobOrder))
