"""Two recorders that hold one partition for a moment, as in a rebalance, do no harm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from tests.storage.batches import batch
from tests.storage.builders import empty_tables_of, tables_of

_WRITERS = 4
_BATCHES = 12


def test_writers_that_overlap_give_the_tables_of_one(store: Store, url: str):
    expected_new = sum(RecorderStore(store).write(*batch(n)).new_attempts for n in range(_BATCHES))
    expected = tables_of(store)
    empty_tables_of(store)
    start = Barrier(_WRITERS)

    def write_all(writer: int) -> int:
        numbers = list(range(_BATCHES))
        if writer:
            Random(writer).shuffle(numbers)  # noqa: S311 - an order, not a secret
        own = open_store(url)
        start.wait(timeout=30)
        new = sum(RecorderStore(own).write(*batch(number)).new_attempts for number in numbers)
        own.close()
        return new

    with ThreadPoolExecutor(_WRITERS) as threads:
        assert sum(threads.map(write_all, range(_WRITERS))) == expected_new
    assert tables_of(store) == expected


def test_one_store_serves_several_threads(store: Store):
    recorder = RecorderStore(store)
    with ThreadPoolExecutor(_WRITERS) as threads:
        written = threads.map(lambda number: recorder.write(*batch(number % 3)), range(12))
        new = sum(one.new_attempts for one in written)
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
