"""What is forgotten gives its room back, on both databases, and takes nothing else with it."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import insert, select

from pipeline.adapters.storage.archiving import StoreArchive
from pipeline.adapters.storage.counting_tables import statistics
from pipeline.adapters.storage.day_partitions import BEYOND_MS, DAY_MS, FIRST_MS
from pipeline.adapters.storage.engine import Store, connected
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.adapters.storage.tables import attempts, deliveries
from pipeline.delivery_log import CountFilter, DeliveryFilter
from pipeline.domain.delivery import Attempt
from tests.storage.builders import START_MS, a_failure, an_attempt, partitions_of, tables_of
from tests.storage.test_migrations import of_version

_ALL = slice(None)
_COUNTED_BEFORE = [column for column in statistics.c if "totalled" not in column.name]
DAYS = 4
OF_A_DAY = 60
TODAY_MS = START_MS - START_MS % DAY_MS
BODY = b"x" * 12_000


def _attempts(day: int, number: int) -> list[Attempt]:
    """A failure with all that is kept of one, and what followed."""
    at_ms = TODAY_MS + day * DAY_MS + number * 1000
    name = {"delivery_id": f"dlv_{day}_{number:03}", "event_id": f"evt_{day}_{number}"}
    body = os.urandom(len(BODY))  # PostgreSQL would compress anything else
    return [
        a_failure(**name, started_at_ms=at_ms, response_body=body),
        an_attempt(**name, attempt=2, started_at_ms=at_ms + 500),
    ]


def _fill(store: Store) -> None:
    recorder = RecorderStore(store)
    for day in range(DAYS):
        recorder.write([a for n in range(OF_A_DAY) for a in _attempts(day, n)], [], {})


def _forget_all(store: Store, before_ms: int) -> None:
    archive = StoreArchive(store)
    while archive.forget(before_ms=before_ms):
        pass
    while archive.release():
        pass


def _said_since(store: Store, since_ms: int) -> list[object]:
    """All that the log answers of what is younger."""
    reader = StoreReader(store)
    found = reader.deliveries(DeliveryFilter(since_ms=since_ms), limit=1_000)
    counted = reader.counted(CountFilter(), since_ms=since_ms, until_ms=since_ms + 9 * DAY_MS)
    return [found, [reader.attempts(each.id) for each in found], counted]


def _bytes_of(store: Store, file: Path) -> int:
    if store.engine.dialect.name == "sqlite":
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return file.stat().st_size
    with store.reading() as connection:
        partitions = partitions_of(connection)
        sizes = "SELECT sum(pg_total_relation_size(each::regclass)) FROM unnest(%s::text[]) each"
        return int(connection.exec_driver_sql(sizes, (partitions,)).scalar_one())


def test_what_is_forgotten_shrinks_the_store_and_the_rest_stays(store: Store, sqlite_path: Path):
    _fill(store)
    since_ms = TODAY_MS + (DAYS - 1) * DAY_MS
    kept, full = _said_since(store, since_ms), _bytes_of(store, sqlite_path)
    assert full > DAYS * OF_A_DAY * len(BODY)
    _forget_all(store, since_ms)
    assert _bytes_of(store, sqlite_path) < full / 2
    assert _said_since(store, since_ms) == kept
    assert len(StoreReader(store).deliveries(DeliveryFilter(), limit=1_000)) == OF_A_DAY


def test_a_store_that_is_filled_and_emptied_again_and_again_does_not_grow(
    store: Store, sqlite_path: Path
):
    _fill(store)
    full = _bytes_of(store, sqlite_path)
    for _ in range(3):
        _forget_all(store, TODAY_MS + DAYS * DAY_MS)
        _fill(store)
    assert _bytes_of(store, sqlite_path) < full * 1.3


def test_a_bounded_part_of_the_file_is_given_back_at_once(sqlite_url: str):
    store = open_store(sqlite_url)
    _fill(store)
    archive = StoreArchive(store)
    while archive.forget(before_ms=TODAY_MS + DAYS * DAY_MS):
        pass
    turns = list(iter(archive.release, 0))
    assert len(turns) > 1
    assert max(turns) <= 501  # and a page of those that tell where others lie
    store.close()


def test_a_file_of_before_keeps_working_and_fills_its_gaps(sqlite_url: str, sqlite_path: Path):
    before = connected(sqlite_url)
    with before.writing() as connection:  # not empty any more: nothing changes how it vacuums
        connection.exec_driver_sql("CREATE TABLE of_before (id INTEGER)")
    before.close()
    store = open_store(sqlite_url)
    _fill(store)
    full = _bytes_of(store, sqlite_path)
    _forget_all(store, TODAY_MS + DAYS * DAY_MS)
    _fill(store)
    assert _bytes_of(store, sqlite_path) <= full * 1.05
    store.close()


def test_an_attempt_has_the_partition_of_its_day(postgres_url: str):
    store = open_store(postgres_url)
    _fill(store)
    with store.reading() as connection:
        days = {f"attempts_on_202311{14 + day}" for day in range(DAYS)}
        assert days < set(partitions_of(connection))
        for day in sorted(days):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM ONLY {day}").scalar_one()  # noqa: S608 - names of ours
            assert count == OF_A_DAY * 2
    store.close()


def test_the_days_to_come_are_there_before_they_begin(postgres_url: str):
    store = open_store(postgres_url)
    archive = StoreArchive(store)
    for _ in range(2):
        archive.prepare(now_ms=TODAY_MS)
    with store.reading() as connection:
        made = {f"attempts_on_202311{14 + day}" for day in range(8)}
        assert made < set(partitions_of(connection))
    store.close()


@pytest.mark.parametrize("at_ms", [-(10**15), 0, FIRST_MS - 1, BEYOND_MS, 10**17])
def test_no_attempt_is_refused_for_its_time(store: Store, at_ms: int):
    failed = a_failure(started_at_ms=at_ms)
    RecorderStore(store).write([failed], [], {})
    assert StoreReader(store).attempts("dlv_1") == [failed]


def test_a_partition_that_is_gone_is_made_again_for_what_comes_late(store: Store):
    recorder = RecorderStore(store)
    recorder.write(_attempts(0, 0), [], {})
    _forget_all(store, TODAY_MS + 2 * DAY_MS)
    late = _attempts(0, 1)
    recorder.write(late, [], {})
    assert StoreReader(store).attempts(late[0].delivery_id) == late


def test_a_partition_stays_while_a_delivery_of_its_time_does(postgres_url: str):
    store = open_store(postgres_url)
    _fill(store)
    archive = StoreArchive(store)
    archive.forget(before_ms=TODAY_MS + DAY_MS // 2)
    assert archive.forget(before_ms=TODAY_MS + DAY_MS // 2) == 0
    with store.reading() as connection:
        assert "attempts_on_20231114" in partitions_of(connection)
    store.close()


def test_several_that_need_a_new_day_at_once_do_not_collide(url: str):
    open_store(url).close()
    start = Barrier(4)

    def write(number: int) -> int:
        store = open_store(url)
        start.wait(timeout=30)
        new = RecorderStore(store).write(_attempts(0, number), [], {}).new_attempts
        StoreArchive(store).prepare(now_ms=TODAY_MS)
        store.close()
        return new

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(write, range(4))) == [2] * 4


def test_a_new_day_does_not_wait_for_readers(postgres_url: str):
    store = open_store(postgres_url)
    with store.reading() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM attempts").scalar_one()
        RecorderStore(store).write(_attempts(0, 0), [], {})
    store.close()


def test_a_store_of_before_keeps_its_attempts_and_writes_new_days(url: str, tmp_path: Path):
    old = of_version(url, "0005")
    _fill_before(old, tmp_path)
    before = _log_of(old)
    old.close()
    store = open_store(url)
    assert _log_of(store) == before
    known = [a_failure(started_at_ms=TODAY_MS, delivery_id="dlv_0_000")]
    assert RecorderStore(store).write(known, [], {}).new_attempts == 0
    later = _attempts(2, 0)
    RecorderStore(store).write(later, [], {})
    assert StoreReader(store).attempts(later[0].delivery_id) == later
    _forget_all(store, TODAY_MS + DAYS * DAY_MS)
    assert tables_of(store)["attempts"] == []
    RecorderStore(store).write([a_failure(started_at_ms=5)], [], {})
    assert [row[0] for row in tables_of(store)["attempts"]] == ["dlv_1"]
    store.close()


def _log_of(store: Store) -> list[list[tuple[object, ...]]]:
    with store.reading() as connection:
        return [
            sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)
            for columns in (deliveries.c, attempts.c, _COUNTED_BEFORE)
        ]


def _fill_before(old: Store, folder: Path) -> None:
    """With what a recorder wrote that knew of no days."""
    new = open_store(f"sqlite:///{folder / 'other.db'}")
    RecorderStore(new).write(_attempts(0, 0), [], {})
    rows = tables_of(new)
    new.close()
    of_counts = slice(len(_COUNTED_BEFORE))
    with old.writing() as connection:
        for table, columns in ((deliveries, _ALL), (attempts, _ALL), (statistics, of_counts)):
            for row in rows[table.name]:
                values = dict(zip(table.c.keys()[columns], row[columns], strict=True))
                connection.execute(insert(table).values(values))
