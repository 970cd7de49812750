"""What was sent: a delivery's record out of Kafka, as long as it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

from pipeline.api.deliveries import SeenLog
from pipeline.api.problems import Problem, conflict, of_status, unavailable
from pipeline.api.store_work import in_thread
from pipeline.delivery_log import RecordLog, StoredDelivery
from pipeline.domain.delivery import DeadLetter, Delivery, Position
from pipeline.ports import LogsUnavailable, Undecodable

MOST_WAITING: Final = 64
"""More requests at once are refused: each may bring megabytes."""
_DAY_MS: Final = 86_400_000


class RecordReading:
    """Reads records beside the event loop, one after another, in a thread of its own.

    A broker that does not answer keeps nobody waiting who asks the store.
    """

    def __init__(self, records: RecordLog) -> None:
        self._records = records
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")
        self._waiting = 0

    async def read(self, position: Position) -> bytes | None:
        """None where it is gone. Raises Problem (503)."""
        if self._waiting >= MOST_WAITING:
            raise unavailable("Too many records are being read.")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(self._thread, self._records.read, position)
        reading.add_done_callback(self._count_down)
        try:
            return await asyncio.shield(reading)
        except LogsUnavailable as exc:
            raise unavailable("Kafka does not answer.") from exc

    def _count_down(self, reading: asyncio.Future[bytes | None]) -> None:
        self._waiting -= 1
        if not reading.cancelled():
            reading.exception()  # whoever asked may have gone, and then nobody looks at it

    def close(self) -> None:
        """What waits is not read any more."""
        self._thread.shutdown(cancel_futures=True)


class SentRequests:
    """Finds the record of a delivery, and sees that it is the delivery's."""

    def __init__(
        self,
        log: SeenLog,
        records: RecordReading,
        *,
        decode_delivery: Callable[[bytes], Delivery],
        decode_dead_letter: Callable[[bytes], DeadLetter],
    ) -> None:
        self._log = log
        self._records = records
        self._decode_delivery = decode_delivery
        self._decode_dead_letter = decode_dead_letter

    async def of(self, stored: StoredDelivery) -> Delivery:
        """As it was tried last, or as it died untried.

        Raises Problem: 409, nobody has tried it yet; 410, it is archived or gone; 503.
        """
        self.check_kept(stored)
        letter = await in_thread(self._log.log.dead_letter, stored.id)
        if stored.record is None and letter is None:
            raise conflict("Nothing of this delivery was sent yet.")
        found = None if stored.record is None else await self._at(stored.record, stored.id)
        if found is None and letter is not None:
            found = await self._in_letter(letter.record, stored.id)
        if found is None:
            raise _gone("What was sent is not in Kafka any more.")
        return found

    def check_kept(self, stored: StoredDelivery) -> None:
        """Raises Problem (410): it is archived."""
        if self._log.is_archived(stored):
            days = f"{self._log.archived_after_ms / _DAY_MS:g}"
            raise _gone(f"Archived: what was sent is deleted after {days} days.")

    async def _at(self, position: Position, delivery_id: str) -> Delivery | None:
        return self._decoded(await self._records.read(position), delivery_id)

    async def _in_letter(self, position: Position, delivery_id: str) -> Delivery | None:
        value = await self._records.read(position)
        if value is None:
            return None
        try:
            letter = self._decode_dead_letter(value)
        except Undecodable:
            return None
        return self._decoded(letter.delivery, delivery_id)

    def _decoded(self, value: bytes | None, delivery_id: str) -> Delivery | None:
        """None where it is another one: the topic was made anew."""
        if value is None:
            return None
        try:
            delivery = self._decode_delivery(value)
        except Undecodable:
            return None
        return delivery if delivery.delivery_id == delivery_id else None


def content_headers(delivery: Delivery) -> Iterator[tuple[str, str]]:
    """For an answer with a body that a tenant has made: no browser may run anything in it."""
    yield "Content-Type", delivery.content_type
    yield "X-Content-Type-Options", "nosniff"
    yield "Content-Security-Policy", "default-src 'none'; sandbox"


def _gone(detail: str) -> Problem:
    return of_status(HTTPStatus.GONE, detail)
