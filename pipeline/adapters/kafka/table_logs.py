"""Asks the brokers how far the tables are: one question at a time, for all who want to know."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from pipeline.accepting import TableEnds
from pipeline.adapters.kafka.groupless import no_group
from pipeline.domain.table_positions import write_positions

librdkafka_log = logging.getLogger("librdkafka")

QUESTION_SECONDS: Final = 2.0
PACE_SECONDS: Final = 0.003
"""Between the beginnings of two questions. One costs some 250 us of CPU here and in the broker
(measured), which thousands of events a second then share; whoever asks now and then never waits."""
AFTER_FAILURE_SECONDS: Final = 0.1


class KafkaTableLogs:
    """Implements `TableLogs`. `tables` names each topic as positions do.

    Consumer's call for offsets by time takes "the end" for a time, costs half of what the admin
    client's does, and blocks: so it has a thread of its own.
    """

    def __init__(
        self, connection: Mapping[str, str | int | bool], tables: Mapping[str, str]
    ) -> None:
        self._tables = dict(tables)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[TableEnds]] = []
        self._changed = threading.Condition()
        self._closing = False
        options: dict[str, Any] = {
            **connection,
            "group.id": no_group(),
            "enable.auto.commit": False,
            "logger": librdkafka_log,
        }
        self._consumer = Consumer(options)
        self._thread = threading.Thread(target=self._serve, name="table-ends", daemon=True)
        self._thread.start()

    async def ends(self) -> TableEnds:
        future: asyncio.Future[TableEnds] = self._loop.create_future()
        with self._changed:
            self._waiting.append(future)
            self._changed.notify()
        return await future

    async def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        began_at = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                self._changed.wait_for(
                    lambda: self._closing, timeout=began_at + PACE_SECONDS - monotonic()
                )
                if self._closing:
                    break
                asking, self._waiting = self._waiting, []
            began_at = monotonic()
            ends = self._ask()
            if ends is None:
                self._again(asking)
            else:
                self._loop.call_soon_threadsafe(_answer, asking, ends)
        self._consumer.close()

    def _ask(self) -> TableEnds | None:
        self._consumer.poll(0)  # takes what librdkafka wants to say: nobody else reads it
        asked = [TopicPartition(topic, 0, OFFSET_END) for topic in self._tables]
        try:
            told = self._consumer.offsets_for_times(asked, timeout=QUESTION_SECONDS)
        except KafkaException as error:
            librdkafka_log.debug("the tables' ends are not told: %s", error)
            self._look_leaders_up()
            return None
        positions = {
            self._tables[one.topic]: one.offset
            for one in told
            if one.error is None and one.offset >= 0
        }
        if len(positions) < len(self._tables):
            self._look_leaders_up()
            return None
        return TableEnds(positions, write_positions(positions))

    def _look_leaders_up(self) -> None:
        # Else librdkafka goes on asking a leader that is gone until its list of leaders is 15 min
        # old (`metadata.max.age.ms`): it asks for news of topics that are read, and here none is.
        with suppress(KafkaException):
            self._consumer.list_topics(timeout=QUESTION_SECONDS)

    def _again(self, asking: list[asyncio.Future[TableEnds]]) -> None:
        """They still wait; each for as long as it wants to."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, timeout=AFTER_FAILURE_SECONDS)
            self._waiting += [future for future in asking if not future.done()]


def _answer(asking: list[asyncio.Future[TableEnds]], ends: TableEnds) -> None:
    for future in asking:
        if not future.done():
            future.set_result(ends)
