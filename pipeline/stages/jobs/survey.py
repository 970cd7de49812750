"""What a job is going to write, counted before anything is written."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from pipeline.stages.jobs.pieces import pieces_of
from pipeline.stages.jobs.rests import Stint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.domain.job import Span
    from pipeline.flow import Record
    from pipeline.stages.jobs.ports import JobPorts, JobSource, Sending

MOST_CANDIDATES: Final = 1_000_000
"""Deliveries of a job of which it is known whether they came through; each takes some 150 bytes."""
CLOCKS_APART_MS: Final = 5_000
"""An attempt has its sender's time, a record its broker's."""


class JobImpossible(Exception):
    """A job that no repetition will bring to an end; the text says why and what to ask instead."""


class Survey:
    """Which deliveries a job makes, and which of them have come through already."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._matched = 0
        self._failed_at_ms: dict[int, int] = {}
        """By hash of the `webhook_id` that receivers know."""
        self._delivered: Mapping[int, int] = {}
        self._first_ms: int | None = None

    @property
    def matched(self) -> int:
        """How many are to be made."""
        return self._matched - sum(map(self._came_through, self._failed_at_ms))

    def is_delivered(self, sending: Sending) -> bool:
        return self._came_through(hash(sending.first_webhook_id))

    def _came_through(self, webhook: int) -> bool:
        at_ms = self._delivered.get(webhook)
        return at_ms is not None and at_ms >= self._failed_at_ms.get(webhook, 0)

    async def count(
        self,
        ports: JobPorts,
        source: JobSource,
        spans: Sequence[Span],
        *,
        check: Callable[[], None],
    ) -> None:
        """Read all of it. Raises LogsUnavailable, JobImpossible, and what `check` raises."""
        stint = Stint(ports.rests)
        for span in spans:
            async with aclosing(pieces_of(ports.logs, span, source, stint=stint)) as pieces:
                async for piece in pieces:
                    check()
                    for record in piece.records:
                        await source.wait_readable(record)
                        began = time.perf_counter()
                        self._count(source, record)
                        await stint.add(time.perf_counter() - began)
        if source.skips_delivered and self._failed_at_ms:
            await self._ask_delivered(ports)

    def _count(self, source: JobSource, record: Record) -> None:
        for sending in source.sendings(record):
            if sending is None:
                self.unreadable += 1
            elif source.skips_delivered:
                self._add(sending, record)
            else:
                self._matched += 1

    def _add(self, sending: Sending, record: Record) -> None:
        webhook = hash(sending.first_webhook_id)
        known_ms = self._failed_at_ms.get(webhook)
        if known_ms is None:
            self._matched += 1
            known_ms = 0
        self._failed_at_ms[webhook] = max(known_ms, sending.failed_at_ms)
        if len(self._failed_at_ms) > MOST_CANDIDATES:
            raise JobImpossible(
                f"more than {MOST_CANDIDATES} deliveries: take them in pieces, by since and until"
            )
        if self._first_ms is None or record.timestamp_ms < self._first_ms:
            self._first_ms = record.timestamp_ms

    async def _ask_delivered(self, ports: JobPorts) -> None:
        self._delivered = await asyncio.to_thread(
            ports.logs.delivered,
            ports.attempts_topic,
            ports.records.decode_attempts,
            among=frozenset(self._failed_at_ms),
            since_ms=max((self._first_ms or 0) - CLOCKS_APART_MS, 0),
        )
