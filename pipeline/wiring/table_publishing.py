"""Records of tables produced for good: every one acknowledged, or an exception that says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pipeline.adapters.kafka.sink import KafkaSink

if TYPE_CHECKING:
    from pipeline.flow import Emit
    from pipeline.ports import EmitRefused
    from pipeline.wiring.connection import Connection

PUBLISH_SECONDS: Final = 30.0


class Unacknowledged(Exception):
    """Kafka has not acknowledged every record; it may have taken some; the text says why."""


async def publish_records(
    connection: Connection, *batches: Sequence[Emit], wait_seconds: float = PUBLISH_SECONDS
) -> None:
    """Produce batch after batch, each once all of the one before is acknowledged.

    Raises:
        Unacknowledged: it was not within the time, or some were refused; later batches were not
            produced.
    """
    failures: list[BaseException] = []

    def on_failed(failure: BaseException) -> None:
        failures.append(failure)
        with contextlib.suppress(RuntimeError):  # it is over already
            deadline.reschedule(asyncio.get_running_loop().time())

    sink = KafkaSink(connection, on_failed=on_failed)
    try:
        async with asyncio.timeout(wait_seconds) as deadline:
            for batch in batches:
                await _send_all(sink, batch)
    except TimeoutError as exc:
        why = str(failures[0]) if failures else f"no acknowledgement within {wait_seconds:g} s"
        raise Unacknowledged(f"some changes may not be published: {why}") from exc
    finally:
        await sink.close(wait_seconds=0)


async def _send_all(sink: KafkaSink, emits: Sequence[Emit]) -> None:
    acknowledged = asyncio.Event()
    left = len(emits)
    refusals: list[EmitRefused] = []

    def done(refusal: EmitRefused | None) -> None:
        nonlocal left
        left -= 1
        if refusal is not None:
            refusals.append(refusal)
        if not left:
            acknowledged.set()

    for emit in emits:
        await sink.wait_room()
        sink.send(emit, done)
    if emits:
        await acknowledged.wait()
    if refusals:
        raise Unacknowledged(f"{len(refusals)} changes were refused: {refusals[0]}")
