"""Few records do not wait for company, however long `linger.ms` lets them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from pipeline.adapters.kafka.sink import KafkaSink
from pipeline.flow import Emit
from pipeline.ports import EmitRefused
from tests.kafka.broker_clients import DEADLINE_SECONDS, make_topic
from tests.kafka_broker import SessionBroker

_LINGER_MS: Final = 10 * int(DEADLINE_SECONDS * 1000)
_IDLE_SECONDS: Final = 0.25
"""More than two rounds of the thread that takes acknowledgements."""


@asynccontextmanager
async def _lingering_sink(servers: str) -> AsyncGenerator[KafkaSink]:
    failures: list[BaseException] = []
    connection = {"bootstrap.servers": servers, "linger.ms": _LINGER_MS}
    sink = KafkaSink(connection, on_failed=failures.append)
    try:
        yield sink
    finally:
        assert await sink.close(wait_seconds=DEADLINE_SECONDS) == 0
    assert failures == []


async def _acknowledged(sink: KafkaSink, topic: str, *, records: int) -> None:
    """Return when all are acknowledged. Raises TimeoutError long before their time to linger."""
    waiting = [asyncio.get_running_loop().create_future() for _ in range(records)]
    for future in waiting:
        sink.send(Emit(topic, b"value", b"key"), future.set_result)
    async with asyncio.timeout(DEADLINE_SECONDS):
        answers: list[EmitRefused | None] = await asyncio.gather(*waiting)
    assert answers == [None] * records


async def test_a_record_alone_is_sent_at_once(broker: SessionBroker) -> None:
    topic = f"prompt-{uuid.uuid4()}"
    make_topic(broker.bootstrap_servers, topic)
    async with _lingering_sink(broker.bootstrap_servers) as sink:
        for _ in range(3):
            await _acknowledged(sink, topic, records=1)
            await asyncio.sleep(_IDLE_SECONDS)  # the state under test: nothing under way for long


async def test_what_comes_after_many_does_not_linger_either(broker: SessionBroker) -> None:
    topic = f"prompt-{uuid.uuid4()}"
    make_topic(broker.bootstrap_servers, topic)
    async with _lingering_sink(broker.bootstrap_servers) as sink:
        for _ in range(3):
            await _acknowledged(sink, topic, records=2_000)
            await _acknowledged(sink, topic, records=1)
