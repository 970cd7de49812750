"""What a job reads: a span piece by piece, without what is surely of no concern to it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pipeline.domain.job import Span
    from pipeline.flow import Record
    from pipeline.stages.jobs.ports import JobLogs, JobSource, SpanPieces
    from pipeline.stages.jobs.rests import Stint


class Piece(NamedTuple):
    """A part of a span."""

    records: list[Record]
    """Without those that the source passes over."""
    next_offset: int
    """Of what comes after it."""


async def pieces_of(
    logs: JobLogs, span: Span, source: JobSource, *, stint: Stint
) -> AsyncGenerator[Piece]:
    """All of a span in order. Raises LogsUnavailable."""
    if span.is_done:
        return
    opened = await asyncio.to_thread(logs.opened, span)
    try:
        while True:
            piece, worked_seconds = await asyncio.to_thread(_read, opened, source)
            if piece is None:
                return
            await stint.add(worked_seconds)
            yield piece
    finally:
        await asyncio.shield(asyncio.to_thread(opened.close))


def _read(opened: SpanPieces, source: JobSource) -> tuple[Piece | None, float]:
    """The next piece, and for how many seconds that took a processor."""
    began = time.thread_time()
    records = opened.piece()
    piece = None
    if records is not None:
        wanted = [record for record in records if not source.passes_over(record)]
        piece = Piece(wanted, records[-1].offset + 1)
    return piece, time.thread_time() - began
