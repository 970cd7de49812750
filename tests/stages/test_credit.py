"""How much a job may write, and how much of it at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pipeline.domain.delivery import Position
from pipeline.flow import Partition
from pipeline.stages.jobs.credit import (
    MOST_AT_ONCE,
    SHARE_OF_IN_FLIGHT,
    Credit,
    LastSeen,
    Pace,
)
from tests.stages.test_delivery import an_endpoint

ENDPOINT = replace(an_endpoint("a", "https://a.test/"), max_in_flight=4)
ROOM = SHARE_OF_IN_FLIGHT * ENDPOINT.max_in_flight


def test_what_is_about_to_be_written_takes_room_too():
    credit = Credit()
    for offset in range(ROOM - 3):
        credit.wrote(ENDPOINT.id, Position("t", 0, offset))
    assert credit.has_room(ENDPOINT, besides=2)
    assert not credit.has_room(ENDPOINT, besides=3)
    assert not Credit().has_room(ENDPOINT, besides=ROOM)


def test_what_senders_have_finished_makes_room():
    credit = Credit()
    for offset in range(ROOM):
        credit.wrote(ENDPOINT.id, Position("t", offset % 2, offset))
    assert not credit.has_room(ENDPOINT, besides=0)
    credit.finished(ENDPOINT.id, {Partition("t", 0): ROOM - 2})
    assert credit.has_room(ENDPOINT, besides=ROOM // 2 - 2)
    assert not credit.has_room(ENDPOINT, besides=ROOM // 2 - 1)


@pytest.mark.parametrize(
    ("rate", "at_once"),
    [(1, 1), (9, 1), (10, 1), (50, 5), (100, 10), (1_000, MOST_AT_ONCE)],
)
def test_who_is_slow_writes_one_at_a_time_and_who_is_fast_a_few(rate: int, at_once: int):
    assert Pace(rate).at_once == at_once


async def test_so_many_at_once_cost_as_many_turns():
    pace, loop = Pace(100), asyncio.get_running_loop()
    began = loop.time()
    await pace.turn(10)
    await pace.turn(5)
    await pace.turn(1)
    assert loop.time() - began >= 15 / 100 * 0.9


def test_the_youngest_are_known():
    seen = LastSeen(2)
    assert [seen.add(text) for text in ("a", "b", "a", "c", "b", "a")] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
