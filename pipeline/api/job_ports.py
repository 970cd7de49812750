"""What replays and redrives are ordered with, and what both have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Protocol

from pipeline.accepting import EventLog, NotPublished
from pipeline.api.action_notes import ActionNotes
from pipeline.api.caller import Caller
from pipeline.api.listing import Listed, Piece, listed
from pipeline.api.problems import not_found, quota, unavailable
from pipeline.domain.identifiers import new_id
from pipeline.domain.job import Job, JobKind, JobOrder, JobRecord, JobStatus, order_record
from pipeline.flow import Emit
from pipeline.registry import Registry

ANSWER_SECONDS: Final = 10.0
MOST_OPEN: Final = 100
"""Jobs of one account that have not ended; operators' own count together."""
_ENTROPY_BYTES: Final = 10
_LOOK_SECONDS: Final = 0.02
_PREFIXES: Final = {JobKind.REPLAY: "rpl", JobKind.REDRIVE: "rdv"}


class KnownJobs(Protocol):
    """The jobs as this process has read them."""

    def job(self, job_id: str) -> Job | None: ...

    def jobs(self) -> list[Job]:
        """The newest first."""
        ...


@dataclass(frozen=True, slots=True)
class JobPorts:
    """What orders are written with."""

    registry: Registry
    jobs: KnownJobs
    event_log: EventLog
    encode_job: Callable[[JobRecord], bytes]
    topic: str
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]


class JobOrders:
    """Orders jobs of one kind, and tells of them. Used on the event loop."""

    def __init__(self, ports: JobPorts, kind: JobKind) -> None:
        self._ports = ports
        self._kind = kind
        self._notes = ActionNotes(ports.registry)

    def new_order(self) -> JobOrder:
        """With an id of its own."""
        ports = self._ports
        now_ms = ports.now_ms()
        entropy = ports.random_bytes(_ENTROPY_BYTES)
        job_id = new_id(_PREFIXES[self._kind], now_ms=now_ms, entropy=entropy)
        return JobOrder(job_id, self._kind, now_ms)

    async def begin(self, caller: Caller, order: JobOrder) -> Job:
        """Return when Kafka has it and this process knows of it. Raises Problem."""
        self._check_open(order)
        await self._write(order)
        await self._note(caller, order, asked=_asked(order))
        return await self._told(order.id, lambda _: True)

    async def _note(self, caller: Caller, order: JobOrder, *, asked: Mapping[str, object]) -> None:
        await self._notes.note(
            caller, order.kind, subject=order.id, account=order.account, asked=asked
        )

    async def counted(self, job_id: str, *, within_seconds: float) -> Job:
        """Return when it is known how much it is, or then."""
        try:
            async with asyncio.timeout(within_seconds):
                return await self._told(
                    job_id, lambda job: job.progress.status is not JobStatus.COUNTING
                )
        except TimeoutError:
            return self._known(job_id)

    def found(self, caller: Caller, job_id: str) -> Job:
        """Raises Problem (404)."""
        job = self._ports.jobs.job(job_id)
        if (
            job is None
            or job.order.kind is not self._kind
            or caller.account not in {None, job.order.account}
        ):
            raise not_found(f"There is no {self._kind} {job_id}.")
        return job

    def page(self, caller: Caller, piece: Piece) -> Listed[Job]:
        """The newest first."""
        seen = [
            job
            for job in self._ports.jobs.jobs()
            if job.order.kind is self._kind and caller.account in {None, job.order.account}
        ]
        after = [job for job in seen if not piece.after or _key(job) < piece.after]
        return listed(after[: piece.wanted], piece, key=_key)

    async def cancel(self, caller: Caller, job_id: str) -> None:
        """One that has ended stays as it is. Raises Problem."""
        job = self.found(caller, job_id)
        if job.status.is_final:
            return
        await self._write(replace(job.order, cancelled_at_ms=self._ports.now_ms()))
        await self._note(caller, job.order, asked={"cancelled": True})
        await self._told(job_id, lambda told: told.status.is_final)

    async def _write(self, order: JobOrder) -> None:
        ports = self._ports
        record = order_record(order)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await ports.event_log.publish(
                    [Emit(ports.topic, ports.encode_job(record), record.key)]
                )
        except (TimeoutError, NotPublished) as exc:
            raise unavailable("Kafka has not acknowledged the order in time.") from exc

    async def _told(self, job_id: str, is_so: Callable[[Job], bool]) -> Job:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    job = self._ports.jobs.job(job_id)
                    if job is not None and is_so(job):
                        return job
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as exc:
            raise unavailable("It is ordered, and this process has not read it yet.") from exc

    def _known(self, job_id: str) -> Job:
        job = self._ports.jobs.job(job_id)
        assert job is not None  # noqa: S101 - jobs are never forgotten
        return job

    def _check_open(self, order: JobOrder) -> None:
        count = sum(
            not job.status.is_final and job.order.account == order.account
            for job in self._ports.jobs.jobs()
        )
        if count >= MOST_OPEN:
            raise quota(f"{MOST_OPEN} replays and redrives are under way: wait, or cancel some.")


def _key(job: Job) -> str:
    return f"{job.order.created_at_ms:015d}/{job.order.id}"


def _asked(order: JobOrder) -> dict[str, object]:
    """What was chosen of it."""
    chosen = asdict(order)
    for name in ("id", "kind", "account", "created_at_ms"):
        chosen.pop(name, None)
    return {name: value for name, value in chosen.items() if value not in (None, (), False)}
