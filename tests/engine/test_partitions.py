"""What is told of the partitions that a process owns."""

from __future__ import annotations

from pipeline.engine.owned_partition import MOST_MARKS, begin_at
from pipeline.engine.partitions import OwnedPartitions
from pipeline.flow import Partition, Record, StartAt

HERE = Partition("events", 0)
THERE = Partition("events", 1)


def owned(*partitions: Partition) -> OwnedPartitions:
    found = OwnedPartitions(lambda: None, now_ms=lambda: 0)
    for partition in partitions:
        found.begin(begin_at(StartAt(partition, 10)))
    return found


def records(partition: Partition, first: int, end: int, *, at_ms: int) -> list[Record]:
    return [Record(partition, offset, None, b"", at_ms) for offset in range(first, end)]


def finish(partitions: OwnedPartitions, taken: list[Record]) -> None:
    for record in taken:
        partitions.open_ticket(record).release()


def test_the_oldest_record_is_that_of_the_oldest_batch_that_is_not_finished():
    partitions = owned(HERE, THERE)
    assert partitions.oldest_ms() is None
    first = partitions.accept(records(HERE, 10, 20, at_ms=100))
    second = partitions.accept(records(HERE, 20, 30, at_ms=200) + records(THERE, 10, 12, at_ms=150))
    assert partitions.oldest_ms() == 100
    finish(partitions, first[1:])
    assert partitions.oldest_ms() == 100
    finish(partitions, first[:1])
    assert partitions.oldest_ms() == 150
    finish(partitions, second[-2:])
    assert partitions.oldest_ms() == 200
    finish(partitions, second[:-2])
    assert partitions.oldest_ms() is None


def test_no_more_batches_are_remembered_than_there_is_room_for():
    partitions = owned(HERE)
    for number in range(MOST_MARKS + 10):
        partitions.accept(records(HERE, 10 + number, 11 + number, at_ms=number))
    assert partitions.oldest_ms() == 10


def test_what_is_behind_counts_to_the_end_that_was_heard_of():
    partitions = owned(HERE, THERE)
    assert partitions.behind == 0
    partitions.see_ends({HERE: 15, THERE: 9, Partition("other", 0): 7})
    assert partitions.behind == 5
    taken = partitions.accept(records(HERE, 10, 13, at_ms=0))
    finish(partitions, taken[1:])
    assert partitions.behind == 5
    finish(partitions, taken[:1])
    assert partitions.behind == 2
    partitions.give_up([HERE])
    assert partitions.behind == 0


def test_every_finished_record_moves_it_wherever_it_lies():
    partitions = owned(HERE)
    taken = partitions.accept(records(HERE, 10, 13, at_ms=0))
    seen = [partitions.moved]
    for record in (taken[1], taken[2], taken[0]):
        finish(partitions, [record])
        seen.append(partitions.moved)
    assert seen == [10, 11, 12, 13]
