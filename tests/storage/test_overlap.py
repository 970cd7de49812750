"""Two recorders that hold one partition for a moment, as in a rebalance, do no harm."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from time import monotonic

import pytest
from sqlalchemy import insert, update

from pipeline.adapters.storage.delivery_rows import slim_row
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.adapters.storage.tables import deliveries
from tests.storage.batches import Batch, batch
from tests.storage.builders import START_MS, a_failure, an_attempt, empty_tables_of, tables_of

_WRITERS = 4
_BATCHES = 12


def _same(number: int, writer: int) -> Batch:
    """Everybody reads one partition."""
    return batch(number)


def _own(number: int, writer: int) -> Batch:
    """The same deliveries come on a partition for each writer, so that nothing else keeps order."""
    return batch(number)._replace(positions={("attempts", writer): number + 1})


@pytest.mark.parametrize("read", [_same, _own])
def test_writers_that_overlap_give_the_tables_of_one(
    store: Store, url: str, read: Callable[[int, int], Batch]
):
    def write_all(writer: int, target: Store) -> int:
        numbers = list(range(_BATCHES))
        if writer % 2:
            Random(writer).shuffle(numbers)  # noqa: S311 - an order, not a secret
        recorder = RecorderStore(target)
        return sum(recorder.write(*read(number, writer)).new_attempts for number in numbers)

    def write_with_others(writer: int) -> int:
        own = open_store(url)
        start.wait(timeout=30)
        new = write_all(writer, own)
        own.close()
        return new

    expected_new = sum(write_all(writer, store) for writer in range(_WRITERS))
    expected = tables_of(store)
    empty_tables_of(store)
    start = Barrier(_WRITERS)
    with ThreadPoolExecutor(_WRITERS) as threads:
        assert sum(threads.map(write_with_others, range(_WRITERS))) == expected_new
    assert tables_of(store) == expected


def test_a_writer_waits_for_one_that_is_creating_the_same_delivery(store: Store):
    recorder = RecorderStore(store)
    with ThreadPoolExecutor(1) as threads:
        with store.writing() as connection:
            connection.execute(insert(deliveries), [slim_row(an_attempt())._asdict()])
            second = an_attempt(attempt=2, started_at_ms=START_MS + 7)
            writing = threads.submit(recorder.write, [an_attempt(), second], [], {})
            _wait_until_one_waits(store)
        assert writing.result(timeout=30).new_attempts == 1
    assert StoreReader(store).attempts("dlv_1") == [an_attempt(), second]


def test_a_writer_waits_for_one_that_is_changing_the_same_delivery(store: Store):
    recorder = RecorderStore(store)
    recorder.write([a_failure()], [], {})
    with ThreadPoolExecutor(1) as threads:
        with store.writing() as connection:
            heard_of_more = update(deliveries).values(attempts=9)
            connection.execute(heard_of_more)
            second = a_failure(attempt=2, started_at_ms=START_MS + 7)
            writing = threads.submit(recorder.write, [second], [], {})
            _wait_until_one_waits(store)
        assert writing.result(timeout=30).new_attempts == 1
    delivery = StoreReader(store).delivery("dlv_1")
    assert delivery is not None
    assert (delivery.attempts, delivery.last_attempt_at_ms) == (9, START_MS + 7)


def _wait_until_one_waits(store: Store) -> None:
    """SQLite lets nobody in while another writes; PostgreSQL tells who waits for a lock."""
    if store.engine.dialect.name == "sqlite":
        return
    until = monotonic() + 30
    waiting = 0
    while not waiting:
        assert monotonic() < until
        with store.reading() as connection:
            blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            waiting = connection.exec_driver_sql(blocked).scalar_one()


def test_one_store_serves_several_threads(store: Store):
    recorder = RecorderStore(store)
    with ThreadPoolExecutor(_WRITERS) as threads:
        written = [threads.submit(recorder.write, *batch(number % 3)) for number in range(12)]
        new = sum(one.result().new_attempts for one in written)
    seen = tables_of(store)
    empty_tables_of(store)
    assert sum(recorder.write(*batch(number)).new_attempts for number in range(3)) == new
    assert tables_of(store) == seen


def test_readers_see_whole_writes_while_one_is_under_way(store: Store):
    recorder = RecorderStore(store)
    recorder.write(*batch(0))
    before = tables_of(store)
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries")
        assert tables_of(store) == before
    assert tables_of(store)["deliveries"] == []
