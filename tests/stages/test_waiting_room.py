"""Events that came before the tables they follow wait, with all behind them in their partition."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pipeline.domain.table_positions import write_positions
from pipeline.flow import Partition, Record
from pipeline.stages.router import waiting_room
from pipeline.stages.router.table_gate import TableGate
from pipeline.stages.router.waiting_room import MOST_WAITING, WaitingRoom
from pipeline.telemetry.instruments import RECORDS_WAITED
from pipeline.telemetry.tally import Tally

HERE = Partition("events", 0)
THERE = Partition("events", 1)


def a_record(
    offset: int, header: bytes | None = None, *, partition: Partition = HERE, **positions: int
) -> Record:
    value = header if header is not None or not positions else write_positions(positions)
    headers: list[tuple[str, bytes | None]] = [("traceparent", b"x"), ("tables", value)]
    return Record(partition, offset, b"k", b"v", 0, None if value is None else headers)


class Place:
    """A room, and the tables that its records wait for."""

    def __init__(self) -> None:
        self.positions = {"accounts": 5, "endpoints": 10}
        self.paused: set[Partition] = set()
        self.ready = asyncio.Event()
        self.tally = Tally()
        gate = TableGate(lambda: self.positions)
        self.room = WaitingRoom(gate, self, tally=self.tally, on_ready=self.ready.set)

    def pause(self, partition: Partition) -> None:
        self.paused.add(partition)

    def resume(self, partition: Partition) -> None:
        self.paused.discard(partition)

    def kept(self, *records: Record) -> list[bool]:
        return [self.room.keeps(record) for record in records]


@pytest.fixture
async def place() -> Place:
    return Place()


@pytest.mark.parametrize(
    "record",
    [
        a_record(1),
        a_record(1, accounts=5, endpoints=10),
        a_record(1, b""),
        a_record(1, b"garbage"),
        a_record(1, b"endpoints=99999999999999999999"),
        a_record(1, b"\xff" * 1_000),
        a_record(1, b"no_such_table=99"),
    ],
    ids=str,
)
def test_what_is_there_already_and_what_nobody_wrote_is_not_waited_for(
    place: Place, record: Record
):
    assert place.kept(record) == [False]
    assert not place.room.records


async def test_a_record_waits_for_its_tables_and_those_behind_it_wait_too(place: Place):
    records = [a_record(1, accounts=5, endpoints=12), a_record(2), a_record(3, endpoints=11)]
    elsewhere = a_record(7, partition=THERE)
    assert place.kept(*records, elsewhere) == [True, True, True, False]
    for endpoints in (10, 11):
        place.positions["endpoints"] = endpoints
        assert place.room.take_ready() == []
    place.positions["endpoints"] = 12
    assert place.room.take_ready() == records
    assert place.kept(*records) == [False] * 3
    assert place.tally.read(RECORDS_WAITED) == {"waited": 1}


async def test_partitions_wait_each_for_itself(place: Place):
    first, second = a_record(1, endpoints=12), a_record(1, partition=THERE, accounts=6)
    assert place.kept(first, second) == [True, True]
    place.positions["accounts"] = 6
    assert place.room.take_ready() == [second]
    assert list(place.room.records) == [HERE]


async def test_what_is_not_ours_any_more_is_forgotten(place: Place):
    place.kept(a_record(1, endpoints=12), a_record(1, partition=THERE, endpoints=12))
    place.room.drop(frozenset((HERE, Partition("events", 9))))
    place.positions["endpoints"] = 12
    assert place.room.take_ready() == [a_record(1, partition=THERE, endpoints=12)]


async def test_a_partition_is_read_no_further_while_much_of_it_waits(place: Place):
    place.kept(a_record(0, endpoints=12), *map(a_record, range(1, MOST_WAITING - 1)))
    assert place.paused == set()
    place.kept(a_record(MOST_WAITING))
    assert place.paused == {HERE}
    place.positions["endpoints"] = 12
    assert len(place.room.take_ready()) == MOST_WAITING
    assert place.paused == set()


async def test_tables_that_never_come_are_waited_for_once(
    place: Place, caplog: pytest.LogCaptureFixture
):
    forged = a_record(1, endpoints=1_000_000)
    began = asyncio.get_running_loop().time()
    with caplog.at_level(logging.WARNING):
        assert place.kept(forged) == [True]
        await asyncio.wait_for(place.ready.wait(), waiting_room.WAIT_SECONDS + 5)
    waited = asyncio.get_running_loop().time() - began
    assert waited >= waiting_room.WAIT_SECONDS - 0.1
    assert place.room.take_ready() == [forged]
    # Neither this one nor what lies beyond is waited for again.
    beyond = a_record(2, endpoints=2_000_000)
    assert place.kept(forged, beyond) == [False, False]
    # What the table can still reach is.
    true = a_record(3, endpoints=11)
    assert place.kept(true) == [True]
    place.positions["endpoints"] = 11
    assert place.room.take_ready() == [true]
    (line,) = [record.getMessage() for record in caplog.records]
    assert "events[0] at 1 waited for tables that do not come (endpoints up to 1000000)" in line
    assert place.tally.read(RECORDS_WAITED) == {"waited": 2, "in_vain": 1}


def test_a_position_that_was_given_up_counts_again_once_the_table_is_there(place: Place):
    gate = TableGate(lambda: place.positions)
    early, later = a_record(1, endpoints=12), a_record(2, endpoints=14)
    gate.give_up(early)
    assert gate.admits(early)
    assert gate.admits(later)
    place.positions["endpoints"] = 12
    assert not gate.admits(later)
