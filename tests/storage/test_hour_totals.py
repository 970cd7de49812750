"""Counts of all endpoints together are kept as they come, and are right beside older programs."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from sqlalchemy import Connection, func, select

from benchmarks.log_filling import Filling
from pipeline.adapters.storage import hour_totals as making_up
from pipeline.adapters.storage.archiving import StoreArchive
from pipeline.adapters.storage.counting_tables import hour_totals, statistics, untotalled_hours
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.hour_totals import add_up_some
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.delivery_log import Counted, CountFilter, HourCount, LatencyCount
from tests.storage.builders import START_MS, a_failure, an_attempt
from tests.storage.test_migrations import of_version

HOUR_MS = 3_600_000
FIRST_HOUR_MS = START_MS - START_MS % HOUR_MS
STEP_MS = 20_000
ATTEMPTS = 1_000

OLD_COUNT = (
    "INSERT INTO statistics"
    " (endpoint, hour_ms, http_status, latency, account, requests, accepted, triggered)"
    " VALUES ('{endpoint}', {hour_ms}, 200, 3, 'acme', 2, 1, 1)"
    " ON CONFLICT (endpoint, hour_ms, http_status, latency) DO UPDATE SET"
    " requests = statistics.requests + 2, accepted = statistics.accepted + 1,"
    " triggered = statistics.triggered + 1"
)
"""As programs before 0008 count."""


def count_as_before(connection: Connection, endpoint: str, hour_ms: int) -> None:
    connection.exec_driver_sql(OLD_COUNT.format(endpoint=endpoint, hour_ms=hour_ms))


def of_all(store: Store) -> Counted:
    return StoreReader(store).counted(CountFilter(), since_ms=0, until_ms=2 * START_MS)


def added_up_from_rows(store: Store) -> Counted:
    """The same from the counts of single endpoints."""
    its = statistics.c
    counts = func.sum(its.requests), func.sum(its.accepted), func.sum(its.triggered)
    hour = its.hour_ms, its.http_status
    hours = select(*hour, *counts).group_by(*hour).order_by(*hour)
    lengths = select(its.latency, func.sum(its.requests)).where(its.latency > 0)
    with store.reading() as connection:
        return Counted(
            [HourCount(at, status or None, *map(int, found)) for at, status, *found in
             connection.execute(hours)],
            [LatencyCount(bucket, int(requests)) for bucket, requests in
             connection.execute(lengths.group_by(its.latency).order_by(its.latency))],
        )  # fmt: skip


def rows_in(store: Store, table: str) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608 - a constant


def made_up_for(store: Store) -> int:
    """Turns until nothing is left."""
    turns = 0
    while add_up_some(store):
        turns += 1
    return turns


def test_totals_are_what_the_endpoints_counts_add_up_to_although_all_came_twice(store: Store):
    told = next(Filling(STEP_MS, START_MS).batches(ATTEMPTS, size=ATTEMPTS))
    twice = [*told.attempts, *told.attempts]
    Random(5).shuffle(twice)  # noqa: S311 - an order, not a secret
    recorder = RecorderStore(store)
    for partition in range(4):
        part = twice[partition * ATTEMPTS // 2 : (partition + 1) * ATTEMPTS // 2]
        recorder.write(part, (), {("attempts", partition): 7})
    found = of_all(store)
    assert found == added_up_from_rows(store)
    assert sum(hour.requests for hour in found.hours) == ATTEMPTS
    assert rows_in(store, "untotalled_hours") == 0
    with store.reading() as connection:
        in_totals = connection.execute(select(func.sum(hour_totals.c.requests))).scalar_one()
        parts = connection.execute(select(hour_totals.c.part).distinct()).scalars()
        assert (int(in_totals), sorted(parts)) == (ATTEMPTS, [0, 1, 2, 3])


def test_what_a_program_of_an_older_version_counts_is_there_at_once_and_made_up_for(store: Store):
    recorder = RecorderStore(store)
    recorder.write([an_attempt(), a_failure(delivery_id="dlv_2")], (), {})
    with store.writing() as connection:
        for endpoint in ("ep_1", "ep_2"):
            count_as_before(connection, endpoint, FIRST_HOUR_MS)
            count_as_before(connection, endpoint, FIRST_HOUR_MS - HOUR_MS)
    recorder.write([an_attempt(delivery_id="dlv_3")], (), {})
    before = of_all(store)
    assert before == added_up_from_rows(store)
    assert made_up_for(store)
    assert of_all(store) == before == added_up_from_rows(store)
    assert rows_in(store, "untotalled_hours") == 0
    with store.reading() as connection:
        total = connection.execute(select(func.sum(hour_totals.c.triggered))).scalar_one()
        assert int(total) == 4


def test_a_little_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(making_up, "ROWS_AT_ONCE", 2)
    with store.writing() as connection:
        for number in range(5):
            count_as_before(connection, f"ep_{number}", FIRST_HOUR_MS)
    before = of_all(store)
    assert [add_up_some(store) for _ in range(4)] == [2, 2, 2, 0]  # the last: a row, and the note
    assert of_all(store) == before


def test_a_store_of_before_is_read_at_once_and_made_up_for(url: str):
    old = of_version(url, "0007")
    with old.writing() as connection:
        for hour in range(3):
            count_as_before(connection, "ep_1", FIRST_HOUR_MS + hour * HOUR_MS)
    old.close()
    store = open_store(url)
    before = of_all(store)
    assert [hour.requests for hour in before.hours] == [2, 2, 2]
    assert made_up_for(store) == 3
    assert of_all(store) == before
    assert rows_in(store, "hour_totals") == 3
    store.close()


def test_what_is_counted_meanwhile_is_noted_anew(postgres_url: str):
    store = open_store(postgres_url)
    with store.writing() as connection:
        count_as_before(connection, "ep_1", FIRST_HOUR_MS)
    with store.writing() as slow:
        count_as_before(slow, "ep_2", FIRST_HOUR_MS)
        assert made_up_for(store) == 1
    before = of_all(store)
    assert [hour.requests for hour in before.hours] == [4]
    assert notes(store) == [FIRST_HOUR_MS]
    assert made_up_for(store) == 1
    assert of_all(store) == before
    store.close()


def notes(store: Store) -> Sequence[int]:
    with store.reading() as connection:
        return list(connection.execute(select(untotalled_hours.c.hour_ms)).scalars())


def test_totals_are_forgotten_with_the_counts(store: Store):
    RecorderStore(store).write([an_attempt()], (), {})
    archive = StoreArchive(store)
    while archive.forget(before_ms=START_MS + 2 * HOUR_MS):
        pass
    assert of_all(store) == Counted([], [])
    assert rows_in(store, "hour_totals") == 0
