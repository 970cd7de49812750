"""Records wait here, not in librdkafka, whose thread would take a whole core while they do."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from pipeline.adapters.kafka.sink import KafkaSink
from pipeline.adapters.kafka.topic_turns import AT_ONCE, MOST_OF_A_TURN, TopicTurns
from pipeline.flow import Emit
from tests.kafka.broker_clients import DEADLINE_SECONDS, make_topic

if TYPE_CHECKING:
    from tests.kafka_broker import SessionBroker

_TOPIC: Final = "events"
_ROUNDS: Final = 500
_RECORDS_A_ROUND: Final = 20
_MOST_WAKE_UPS_A_REQUEST: Final = 25
"""Some 5 in truth; a spinning thread makes hundreds."""


class Produced:
    """What a producer was given, which has room for so many records."""

    def __init__(self, *, room: int = 1_000_000) -> None:
        self.room = room
        self.tokens: list[int] = []
        self._more = asyncio.Event()

    def produce(self, _: Emit, token: int) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.tokens.append(token)
        self._more.set()
        return True

    async def wait(self, *, count: int) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.tokens) < count:
                self._more.clear()
                await self._more.wait()


def _add(turns: TopicTurns[int], count: int, *, first: int = 0, value: bytes = b"v") -> None:
    for number in range(first, first + count):
        turns.add(Emit(_TOPIC, value), number)


def _answer(turns: TopicTurns[int], count: int) -> None:
    for _ in range(count):
        turns.note_answered(_TOPIC)


async def test_few_wait_for_nobody_and_more_wait_for_the_answers_to_those() -> None:
    produced = Produced()
    turns = TopicTurns(produced.produce)
    _add(turns, AT_ONCE + 40)
    assert produced.tokens == list(range(AT_ONCE))
    _answer(turns, 1)
    assert produced.tokens == list(range(AT_ONCE + 40))


async def test_a_topic_does_not_wait_for_another() -> None:
    produced = Produced()
    turns = TopicTurns(produced.produce)
    _add(turns, AT_ONCE + 1)
    turns.add(Emit("another", b"v"), 77)
    assert produced.tokens == [*range(AT_ONCE), 77]


async def test_a_turn_ends_where_a_request_would() -> None:
    produced = Produced()
    turns = TopicTurns(produced.produce)
    _add(turns, AT_ONCE + 30, value=bytes(MOST_OF_A_TURN // 8))
    _answer(turns, AT_ONCE)
    assert len(produced.tokens) == AT_ONCE + 8
    _answer(turns, 4)
    assert len(produced.tokens) == AT_ONCE + 16


async def test_a_turn_begins_in_time_though_nothing_was_answered() -> None:
    produced = Produced()
    turns = TopicTurns(produced.produce)
    _add(turns, AT_ONCE + 3)
    await produced.wait(count=AT_ONCE + 3)
    assert produced.tokens == list(range(AT_ONCE + 3))


async def test_what_found_no_room_is_offered_again_and_nothing_overtakes_it() -> None:
    produced = Produced(room=2)
    turns = TopicTurns(produced.produce)
    _add(turns, 4)
    assert produced.tokens == [0, 1]
    produced.room = 100
    _add(turns, 1, first=4)
    await produced.wait(count=5)
    assert produced.tokens == [0, 1, 2, 3, 4]


async def test_at_the_end_all_are_produced() -> None:
    produced = Produced()
    turns = TopicTurns(produced.produce)
    _add(turns, AT_ONCE + 40, value=bytes(MOST_OF_A_TURN))
    turns.end()
    assert produced.tokens == list(range(AT_ONCE + 40))


async def test_after_the_end_nothing_is_produced() -> None:
    produced = Produced()
    turns = TopicTurns(produced.produce)
    _add(turns, AT_ONCE)
    turns.end()
    _add(turns, 1, first=77)
    _answer(turns, AT_ONCE)
    assert produced.tokens == list(range(AT_ONCE))


async def test_the_producers_thread_sleeps_while_it_waits_for_an_answer(
    broker: SessionBroker,
) -> None:
    topic = f"turns-{uuid.uuid4()}"
    make_topic(broker.bootstrap_servers, topic)
    told: deque[str] = deque(maxlen=1)
    connection: dict[str, Any] = {
        "bootstrap.servers": broker.bootstrap_servers,
        "statistics.interval.ms": 20,
        "stats_cb": told.append,
    }
    sink = KafkaSink(connection, on_failed=lambda _: None)
    try:
        await _acknowledged(sink, topic, rounds=1)  # it has its id and its connection then
        await _acknowledged(sink, topic, rounds=_ROUNDS)
    finally:
        await sink.close(wait_seconds=DEADLINE_SECONDS)
    figures = json.loads(told[0])["brokers"]
    leader = max(figures.values(), key=lambda figure: figure["req"].get("Produce", 0))
    assert leader["req"]["Produce"] > 0
    assert leader["wakeups"] < _MOST_WAKE_UPS_A_REQUEST * leader["req"]["Produce"]


async def _acknowledged(sink: KafkaSink, topic: str, *, rounds: int) -> None:
    left = rounds * _RECORDS_A_ROUND
    all_acknowledged = asyncio.Event()

    def done(_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            all_acknowledged.set()

    for _ in range(rounds):
        for _ in range(_RECORDS_A_ROUND):
            sink.send(Emit(topic, b"value", b"key"), done)
        await asyncio.sleep(0.0005)  # the load: many records, not all at once
    async with asyncio.timeout(DEADLINE_SECONDS):
        await all_acknowledged.wait()
