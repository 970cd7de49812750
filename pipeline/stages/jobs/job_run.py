"""One job, from where it stopped to its end.

Progress is told at the bounds of source records alone, and while nothing is unacknowledged. So what
a run that died has written beyond its last word was appended after that word, by the brokers'
clock; whoever goes on reads it there and leaves it out.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipeline.domain.endpoint import EndpointStatus
from pipeline.domain.job import JobStatus, progress_record
from pipeline.flow import Emit
from pipeline.ports import EmitRefused
from pipeline.stages.jobs.credit import LastSeen, Pace
from pipeline.stages.jobs.pieces import pieces_of
from pipeline.stages.jobs.rests import Stint
from pipeline.stages.jobs.survey import CLOCKS_APART_MS, Survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.domain.delivery import Position
    from pipeline.domain.endpoint import Endpoint
    from pipeline.domain.job import Job, JobRecord, Span
    from pipeline.flow import Record
    from pipeline.stages.jobs.credit import Credit
    from pipeline.stages.jobs.ports import JobPorts, JobSource, Sending

MOST_SEEN: Final = 100_000
TELL_SECONDS: Final = 0.5
"""Between two words of progress."""
LOOK_SECONDS: Final = 0.5
"""Between two looks whether an endpoint's senders have gone on."""
BEHIND_SECONDS: Final = 30.0
"""So long an endpoint may be unknown to this process's tables that the order's author saw."""


class Cancelled(Exception):
    """Somebody has ordered it."""


class JobRun:
    """Made and run once."""

    def __init__(self, job: Job, ports: JobPorts, credit: Credit) -> None:
        self._id = job.order.id
        self._order = job.order
        self._told_at_ms = job.told_at_ms
        self._progress = job.progress
        self._ports = ports
        self._credit = credit
        self._source: JobSource = ports.source(job.order)
        self._survey = Survey()
        self._stint = Stint(ports.rests)
        self._pace = Pace(job.order.rate_per_second)
        self._seen = LastSeen(MOST_SEEN)
        self._written: dict[str, Position] = {}
        self._next: list[Sending] = []
        """What is written in the next turn."""
        self._tell_at = 0.0

    async def run(self) -> None:
        """Return at its end. Raises LogsUnavailable, after which it may be run again."""
        try:
            self._check_cancelled()
            await self._wait_known()
            if self._progress.status is JobStatus.COUNTING:
                await self._begin()
            else:
                await self._resume()
            if not self._order.dry_run:
                for span in self._progress.spans:
                    await self._send_span(span)
                self._progress = self._progress.closed()
            await self._tell(JobStatus.DONE)
        except Cancelled:
            await self._tell(JobStatus.CANCELLED)

    async def fail(self, text: str) -> None:
        """It will not come to an end."""
        self._progress = replace(self._progress, error=text)
        await self._tell(JobStatus.FAILED)

    async def _begin(self) -> None:
        order = self._order
        spans = self._progress.spans or await asyncio.to_thread(
            self._ports.logs.spans,
            self._source.topics,
            since_ms=order.since_ms,
            until_ms=order.until_ms,
        )
        # Told at once, so that its end is the same however often the counting begins anew.
        self._progress = replace(self._progress, spans=spans)
        await self._tell(JobStatus.COUNTING)
        await self._counted(spans)
        self._progress = replace(
            self._progress, matched=self._survey.matched, unreadable=self._survey.unreadable
        )
        await self._tell(JobStatus.RUNNING)

    async def _resume(self) -> None:
        ports = self._ports
        spans = await asyncio.to_thread(ports.logs.readable, self._progress.spans)
        self._progress = replace(self._progress, spans=spans)
        if self._source.skips_delivered:
            await self._counted(spans)
        endpoints = list(self._source.endpoints())
        self._written = await asyncio.to_thread(
            ports.logs.written,
            sorted(_topics_of(endpoints)),
            ports.records.decode_delivery,
            cause_id=self._id,
            since_ms=max(self._told_at_ms - CLOCKS_APART_MS, 0),
        )

    async def _counted(self, spans: Sequence[Span]) -> None:
        await self._survey.count(self._ports, self._source, spans, check=self._check_cancelled)

    async def _send_span(self, span: Span) -> None:
        pieces = pieces_of(self._ports.logs, span, self._source, stint=self._stint)
        async with aclosing(pieces):
            async for piece in pieces:
                for record in piece.records:
                    await self._send_all(record)
                    await self._tell_when_due(span, record.offset + 1)
                await self._tell_when_due(span, piece.next_offset)
        await self._write_next()
        self._progress = self._progress.past(span, span.end_offset)

    async def _tell_when_due(self, span: Span, next_offset: int) -> None:
        self._check_cancelled()
        if time.monotonic() >= self._tell_at:
            await self._write_next()
            self._progress = self._progress.past(span, next_offset)
            await self._tell(self._progress.status)

    async def _send_all(self, record: Record) -> None:
        await self._source.wait_readable(record)
        is_paced, worked_seconds, began = False, 0.0, time.perf_counter()
        for sending in self._source.sendings(record):  # one after the other: each has its body
            worked_seconds += time.perf_counter() - began
            if sending is not None:
                is_paced |= await self._send(sending)
            began = time.perf_counter()
        if not is_paced:
            await self._stint.add(worked_seconds + time.perf_counter() - began)

    async def _send(self, sending: Sending) -> bool:
        """Whether it goes out, in its turn."""
        if not self._seen.add(sending.delivery_id):
            return False
        place = self._written.get(sending.delivery_id)
        if place is not None:
            self._note_written(sending, place)
            return False
        if self._survey.is_delivered(sending):
            return False
        if not await self._wait_credit(sending.endpoint):
            self._progress = replace(self._progress, skipped=self._progress.skipped + 1)
            return False
        self._next.append(sending)
        if len(self._next) >= self._pace.at_once:
            await self._write_next()
        return True

    async def _write_next(self) -> None:
        """Return when the brokers have them all."""
        sendings, self._next = self._next, []
        if sendings:
            await self._pace.turn(len(sendings))
            self._check_cancelled()
            places = await asyncio.gather(*map(self._placed, sendings))
            for sending, place in zip(sendings, places, strict=True):
                self._note_written(sending, place)

    def _note_written(self, sending: Sending, place: Position) -> None:
        self._credit.wrote(sending.endpoint, place)
        self._progress = replace(self._progress, sent=self._progress.sent + 1)

    async def _placed(self, sending: Sending) -> Position:
        try:
            return await self._ports.placing.place(sending.emit)
        except EmitRefused as refused:
            return await self._ports.placing.place(sending.instead(refused))

    async def _wait_credit(self, endpoint_id: str) -> bool:
        """Whether it may be written; False where the endpoint does not receive."""
        ports, credit = self._ports, self._credit
        while True:
            self._check_cancelled()
            endpoint = ports.directory.endpoint(endpoint_id)
            if endpoint is None or endpoint.status is not EndpointStatus.ACTIVE:
                return False
            waiting = sum(each.endpoint == endpoint_id for each in self._next)
            if credit.has_room(endpoint, besides=waiting):
                return True
            if waiting:
                await self._write_next()
                continue
            partitions = credit.partitions(endpoint_id)
            committed = await asyncio.to_thread(ports.logs.committed, sorted(partitions))
            credit.finished(endpoint_id, committed)
            if not credit.has_room(endpoint, besides=0):
                await asyncio.sleep(LOOK_SECONDS)

    async def _wait_known(self) -> None:
        """The endpoint is in the tables, or never will be: then nothing matches."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + BEHIND_SECONDS
        wanted = self._order.endpoint
        while wanted is not None and self._ports.directory.endpoint(wanted) is None:
            if loop.time() >= give_up_at:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _check_cancelled(self) -> None:
        if self._ports.table.is_cancelled(self._id):
            raise Cancelled

    async def _tell(self, status: JobStatus) -> None:
        self._tell_at = time.monotonic() + TELL_SECONDS
        self._progress = replace(self._progress, status=status, updated_at_ms=self._ports.now_ms())
        record = progress_record(self._id, self._progress)
        await self._ports.placing.place(self._emit(record))

    def _emit(self, record: JobRecord) -> Emit:
        return Emit(self._ports.jobs_topic, self._ports.records.encode_job(record), record.key)


def _topics_of(endpoints: Iterable[Endpoint]) -> set[str]:
    """Where their deliveries are written now, and were before."""
    return {
        topic for endpoint in endpoints for topic in (endpoint.topic, endpoint.moved_from) if topic
    }
