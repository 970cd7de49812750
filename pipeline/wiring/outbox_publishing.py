"""Publishing what the outbox holds: the process's outbox, and a command's turn at it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.adapters.kafka.outbox_producer import OutboxProducer
from pipeline.api.outbox import Outbox
from pipeline.ports import SinkFailed, StoreFailed
from pipeline.publishing import TurnLost
from pipeline.wiring.registry_adoption import TableSides, prepare_registry
from pipeline.wiring.table_publishing import PUBLISH_SECONDS, Unacknowledged
from pipeline.wiring.table_reading import TablesUnread

log = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 0.05
_LATER_SECONDS: Final = 1.0


@asynccontextmanager
async def opened_outbox(sides: TableSides) -> AsyncGenerator[Outbox]:
    """For one process, whose owner runs it.

    Raises SinkFailed or ClusterFailed: librdkafka does not take an option.
    """
    producer = OutboxProducer(sides.connection, sides.topic_file)
    try:
        yield Outbox(sides.store.outbox, producer, topology=sides.topology)
    finally:
        await asyncio.to_thread(producer.close)


async def keep_published(
    sides: TableSides, outbox: Outbox, *, on_settled: Callable[[], None] = lambda: None
) -> None:
    """For the process that changes the store: bring both sides together, then publish for ever.

    What cannot be asked yet is asked again; `on_settled` is called between the two. Raises
    SinkFailed or TurnLost: see `Outbox.run`.
    """
    told = ""
    while True:
        try:
            adopted = await prepare_registry(sides)
            break
        except (StoreFailed, ClusterFailed, TablesUnread) as exc:
            if str(exc) != told:
                log.warning("store and tables are not brought together yet: %s", exc)
            told = str(exc)
        await asyncio.sleep(_LATER_SECONDS)
    if adopted is not None and adopted.accounts:
        log.info("adopted %d accounts, %d endpoints", adopted.accounts, adopted.endpoints)
    on_settled()
    await outbox.run()


async def publish_pending(sides: TableSides, *, wait_seconds: float = PUBLISH_SECONDS) -> None:
    """Return once Kafka has all that was committed before.

    Raises:
        Unacknowledged: not within the time, or something was refused; it is kept, and published by
            whoever has a turn next.
        ClusterFailed, StoreFailed: likewise.
    """
    trouble: str | None = None
    try:
        async with asyncio.timeout(wait_seconds), opened_outbox(sides) as outbox:
            while not await outbox.publish_pending():  # noqa: ASYNC110 - nobody says so
                await asyncio.sleep(_AGAIN_SECONDS)
            trouble = outbox.trouble
    except TimeoutError as exc:
        raise _unpublished(f"no acknowledgement within {wait_seconds:g} s") from exc
    except (SinkFailed, TurnLost) as exc:
        raise _unpublished(str(exc)) from exc
    if trouble is not None:
        raise _unpublished(trouble)


def _unpublished(why: str) -> Unacknowledged:
    return Unacknowledged(
        f"kept, but not published yet: {why}; the API publishes it, or the same command again"
    )
