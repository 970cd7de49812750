"""What jobs are run with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.domain.delivery import Attempt, Delivery, Position
    from pipeline.domain.directory import Directory
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.job import JobOrder, JobRecord, JobTable, Span
    from pipeline.flow import Emit, Partition, Record
    from pipeline.ports import EmitRefused
    from pipeline.stages.jobs.rests import Rests


class Sending(NamedTuple):
    """A delivery that a job is to write."""

    delivery_id: str
    first_webhook_id: str
    """The id that receivers know it by from the first time."""
    endpoint: str
    emit: Emit
    instead: Callable[[EmitRefused], Emit]
    failed_at_ms: int = 0
    """What was delivered later than this need not be sent again; 0: ever."""


class JobSource(Protocol):
    """What one job reads, and what it makes of it. Event loop only, but for `passes_over`."""

    @property
    def topics(self) -> Sequence[str]: ...

    @property
    def skips_delivered(self) -> bool:
        """Whether what was delivered is left out."""
        ...

    def endpoints(self) -> Iterator[Endpoint]:
        """All that it may write to."""
        ...

    def passes_over(self, record: Record, /) -> bool:
        """Whether nothing of it is this job's, as far as a glance tells. Any thread."""
        ...

    async def wait_readable(self, record: Record) -> None:
        """Return when `sendings` can read the record; nothing is to be awaited between the two."""
        ...

    def sendings(self, record: Record) -> Iterator[Sending | None]:
        """What becomes of a record; None for each part that nothing can be made of."""
        ...


class SpanPieces(Protocol):
    """A span's records; blocks, for a thread. Raises LogsUnavailable."""

    def piece(self) -> list[Record] | None:
        """The next in order; None at the end."""
        ...

    def close(self) -> None: ...


class JobLogs(Protocol):
    """Everything blocks, for a thread, and raises LogsUnavailable."""

    def spans(
        self, topics: Sequence[str], *, since_ms: int | None, until_ms: int | None
    ) -> tuple[Span, ...]:
        """What was appended in this time and is there now."""
        ...

    def readable(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """The same, without what was deleted meanwhile."""
        ...

    def opened(self, span: Span) -> SpanPieces: ...

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """How far the senders are."""
        ...

    def written(
        self,
        topics: Sequence[str],
        decode: Callable[[bytes], Delivery],
        *,
        cause_id: str,
        since_ms: int,
    ) -> dict[str, Position]:
        """By id where deliveries of this cause lie that were appended since then."""
        ...

    def delivered(
        self,
        topic: str,
        decode: Callable[[bytes], Sequence[Attempt]],
        *,
        among: frozenset[int],
        since_ms: int,
    ) -> dict[int, int]:
        """When those were last delivered whose `webhook_id` hashes to one of these."""
        ...


class Placing(Protocol):
    """Writes a record and tells where it lies."""

    async def place(self, emit: Emit) -> Position:
        """Return when the brokers have it. Raises EmitRefused where they never will."""
        ...


class JobRecords(Protocol):
    """What bytes mean."""

    def decode_delivery(self, value: bytes) -> Delivery: ...

    def decode_attempts(self, value: bytes) -> list[Attempt]: ...

    def encode_job(self, record: JobRecord) -> bytes: ...


@dataclass(frozen=True, slots=True)
class JobPorts:
    """What every job is run with."""

    table: JobTable
    source: Callable[[JobOrder], JobSource]
    logs: JobLogs
    placing: Placing
    records: JobRecords
    directory: Directory
    rests: Rests
    jobs_topic: str
    attempts_topic: str
    now_ms: Callable[[], int]
    is_mine: Callable[[], bool]
    """Whether this process is the one whose turn it is: one runs all jobs."""
