"""The jobs of the topic, in memory: read from its beginning, then followed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipeline.adapters.kafka.tables import TableReader
from pipeline.domain.job import InvalidJob, JobTable
from pipeline.ports import Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack

    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.adapters.kafka.tables import TableRecord
    from pipeline.wiring.connection import Connection

log = logging.getLogger(__name__)


class FollowedJobs:
    """Where a process reads its jobs from."""

    def __init__(self, connection: Connection, codec: RecordCodec, *, topic: str) -> None:
        self.table = JobTable()
        self._connection = connection
        self._codec = codec
        self._topic = topic

    async def follow(
        self, on_failed: Callable[[BaseException], None], closing: AsyncExitStack
    ) -> None:
        """Return when the topic was read to its end once."""
        reader = TableReader(
            self._connection, [self._topic], apply=self._apply, on_failed=on_failed
        )
        closing.push_async_callback(reader.close)
        await reader.start()

    def _apply(self, records: Sequence[TableRecord]) -> None:
        for record in records:
            if record.value is None:
                self.table.forget(record.key)
                continue
            try:
                told = self._codec.decode_job(record.value)
                self.table.apply(told, appended_at_ms=record.timestamp_ms)
            except (Undecodable, InvalidJob) as error:
                log.warning("%s at %d is left out: %s", record.topic, record.offset, error)
