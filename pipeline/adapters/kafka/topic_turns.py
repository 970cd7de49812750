"""Hands an idempotent producer the records of a topic in turns: the next when the last has arrived.

librdkafka sends no further batch of a partition while RD_KAFKA_IDEMP_MAX_INFLIGHT records of it
are not acknowledged (`rd_kafka_toppar_producer_serve`, 2.16; it counts records, not requests).
While others wait there whose `linger.ms` is over, its thread does not sleep: it takes a whole core
until the answer comes, the brokers' own where they share one. Records that wait here cost nothing,
and travel together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from pipeline.flow import Emit

AT_ONCE: Final = 5
"""While fewer records of a topic are on the way, none waits: RD_KAFKA_IDEMP_MAX_INFLIGHT."""
MOST_OF_A_TURN: Final = 512 * 1024
"""Bytes: what one request takes, so that nothing of it waits for a second one."""
MOST_WAITING_SECONDS: Final = 0.02
"""Then a turn begins anyway: it may be one partition's broker that is away, not all of them."""

Token = TypeVar("Token")


class TopicTurns(Generic[Token]):
    """Used on the event loop: a turn that other threads interrupt outlasts `linger.ms`.

    `produce` gives a record to the producer, or answers False where it has no room: it is asked
    again later. What is added of a topic is produced in that order.
    """

    def __init__(self, produce: Callable[[Emit, Token], bool]) -> None:
        self._loop = asyncio.get_running_loop()
        self._produce = produce
        self._topics: dict[str, _Topic[Token]] = {}
        self._has_ended = False

    def add(self, emit: Emit, token: Token) -> None:
        topic = self._topics.get(emit.topic)
        if topic is None:
            topic = self._topics[emit.topic] = _Topic()
        if topic.on_the_way < AT_ONCE and not topic.waiting and self._produce(emit, token):
            topic.on_the_way += 1
            return
        topic.waiting.append((emit, token))
        if topic.at_the_latest is None:
            self._set_timer(topic)

    def note_answered(self, name: str) -> None:
        """Of one record that was produced to the topic, whatever the answer was."""
        topic = self._topics[name]
        topic.on_the_way -= 1
        if topic.waiting and topic.on_the_way < AT_ONCE:
            self._begin_turn(topic)

    def end(self) -> None:
        """Produce all that wait, as far as there is room, and nothing any more.

        It lets go of `produce`, whose owner has this: a producer in a circle is freed by the
        garbage collector, on a thread where that aborts the process.
        """
        for topic in self._topics.values():
            while topic.waiting and self._produce_first(topic):
                pass
            self._stop_timer(topic)
        self._produce, self._has_ended = _no_room, True

    def _begin_turn(self, topic: _Topic[Token]) -> None:
        self._stop_timer(topic)
        size_bytes = 0
        while topic.waiting and size_bytes < MOST_OF_A_TURN:
            size_bytes += len(topic.waiting[0][0].value)
            if not self._produce_first(topic):
                break
        if topic.waiting:
            self._set_timer(topic)

    def _produce_first(self, topic: _Topic[Token]) -> bool:
        if not self._produce(*topic.waiting[0]):
            return False
        topic.waiting.popleft()
        topic.on_the_way += 1
        return True

    def _stop_timer(self, topic: _Topic[Token]) -> None:
        if topic.at_the_latest is not None:
            topic.at_the_latest.cancel()
            topic.at_the_latest = None

    def _set_timer(self, topic: _Topic[Token]) -> None:
        if self._has_ended:
            return
        topic.at_the_latest = self._loop.call_later(MOST_WAITING_SECONDS, self._begin_turn, topic)


class _Topic(Generic[Token]):
    __slots__ = ("at_the_latest", "on_the_way", "waiting")

    def __init__(self) -> None:
        self.on_the_way = 0
        self.waiting: deque[tuple[Emit, Token]] = deque()
        self.at_the_latest: asyncio.TimerHandle | None = None


def _no_room(_emit: Emit, _token: object) -> bool:
    return False
