"""Lists are read along an index: SQLite tells its way, and a scan of the table would show in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

from pipeline.adapters.storage.archiving import StoreArchive
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recent_reader import RecentReader
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.delivery_log import CountFilter, DeadLetterFilter, DeliveryFilter, Place, Status
from tests.storage.builders import START_MS, a_failure
from tests.storage.registry_values import an_endpoint

Read = Callable[[StoreReader], object]


def _plan_of(url: str, read: Read) -> list[str]:
    """What SQLite would do for what the reader asks in `read`."""
    return _plan_with(url, lambda store: read(StoreReader(store)))


def _plan_with(url: str, work: Callable[[Store], object]) -> list[str]:
    """What SQLite would do for the questions that `work` asks."""
    store = open_store(url)
    seen: list[tuple[str, tuple[object, ...]]] = []

    def listen(
        _connection: Connection,
        _cursor: DBAPICursor,
        statement: str,
        parameters: tuple[object, ...],
        _context: ExecutionContext,
        _executemany: bool,  # noqa: FBT001 - the listener's signature
    ) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", listen)
    work(store)
    event.remove(store.engine, "before_cursor_execute", listen)
    connection = store.engine.raw_connection()
    plan: list[str] = []
    for statement, parameters in seen:
        cursor = connection.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plan += [str(row[-1]) for row in cursor.fetchall()]
    connection.close()
    store.close()
    assert plan
    return plan


_SORTS_ALL = "USE TEMP B-TREE FOR ORDER BY"
_AFTER = Place(START_MS, "dlv_9")


@pytest.mark.parametrize(
    ("wanted", "after", "index"),
    [
        (DeliveryFilter(), None, "created"),
        (DeliveryFilter(), _AFTER, "created"),
        (DeliveryFilter(since_ms=1, status=Status.DELIVERED), None, "created"),
        (DeliveryFilter(http_status=(200, 299)), None, "created"),
        (DeliveryFilter(status=Status.DEAD, since_ms=1), _AFTER, "failed"),
        (DeliveryFilter(status=Status.DROPPED), None, "failed"),
        (DeliveryFilter(http_status=(500, 599)), _AFTER, "failed"),
        (DeliveryFilter(http_status=(404, 404), endpoint="e"), None, "failed_endpoint"),
        (DeliveryFilter(status=Status.DEAD, account="a"), None, "failed_account"),
        (DeliveryFilter(status=Status.HELD, account="a"), None, "failed_account"),
        (DeliveryFilter(status=Status.RETRYING, endpoint="e"), _AFTER, "failed_endpoint"),
        (DeliveryFilter(status=Status.RETRYING), None, "unfinished"),
        (DeliveryFilter(status=Status.PENDING), _AFTER, "unfinished"),
        (DeliveryFilter(status=Status.HELD), None, "unfinished"),
        (DeliveryFilter(event_type="t", since_ms=1), _AFTER, "type"),
        (DeliveryFilter(event_type="t", account="a"), _AFTER, "account"),
        (DeliveryFilter(event_type="t", endpoint="e"), None, "endpoint"),
        (DeliveryFilter(subject="s"), _AFTER, "subject"),
        (DeliveryFilter(cause="replay"), _AFTER, "cause"),
        (DeliveryFilter(cause="event"), None, "created"),
        (DeliveryFilter(account="a"), _AFTER, "account"),
        (DeliveryFilter(endpoint="e", since_ms=1), None, "endpoint"),
        (DeliveryFilter(event_id="e"), None, "event"),
        (DeliveryFilter(original="d"), None, "original"),
    ],
)
def test_deliveries_are_read_along_the_index_of_their_filter(
    sqlite_url: str, wanted: DeliveryFilter, after: Place | None, index: str
):
    def read(reader: StoreReader) -> object:
        return reader.deliveries(wanted, limit=9, after=after)

    plan = _plan_of(sqlite_url, read)
    assert any(f"USING INDEX ix_deliveries_{index} " in f"{step} " for step in plan)
    if index not in {"event", "original"}:  # few rows: they may be sorted
        assert _SORTS_ALL not in plan


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (DeadLetterFilter(), "dead"),
        (DeadLetterFilter(account="a"), "account"),
        (DeadLetterFilter(endpoint="e"), "endpoint"),
    ],
)
def test_dead_letters_are_read_along_the_index_of_their_filter(
    sqlite_url: str, wanted: DeadLetterFilter, index: str
):
    def read(reader: StoreReader) -> object:
        return reader.dead_letters(wanted, limit=9, after=_AFTER)

    plan = _plan_of(sqlite_url, read)
    assert any(f"USING INDEX ix_dead_letters_{index}" in step for step in plan)
    assert _SORTS_ALL not in plan


def test_one_delivery_is_found_by_its_id(sqlite_url: str):
    plan = _plan_of(sqlite_url, lambda r: [r.delivery("d"), r.attempts("d")])
    assert not [step for step in plan if step.startswith("SCAN")]


def test_old_attempts_are_found_by_their_age_alone(sqlite_url: str):
    plan = _plan_with(sqlite_url, lambda store: StoreArchive(store).blank(before_ms=START_MS))
    assert any("ix_attempts_whole" in step for step in plan)
    assert _SORTS_ALL not in plan


@pytest.mark.parametrize(
    ("of", "indexes"),
    [
        (CountFilter(endpoint="e"), ["sqlite_autoindex_statistics_1"]),
        (CountFilter(account="a"), ["ix_statistics_account"]),
        (
            CountFilter(),
            # What is not in the totals is looked for in the hours that are noted, nearly never any.
            [
                "sqlite_autoindex_hour_totals_1",
                "ix_statistics_hour (hour_ms=?)",
                "sqlite_autoindex_untotalled_hours_1",
            ],
        ),
    ],
)
def test_counts_are_read_along_the_index_of_whose_they_are(
    sqlite_url: str, of: CountFilter, indexes: list[str]
):
    plan = _plan_of(sqlite_url, lambda r: r.counted(of, since_ms=1, until_ms=2))
    read = [step for step in plan if step.startswith(("SEARCH", "SCAN"))]
    tables = [step for step in read if "counts" not in step and "anon" not in step]
    assert all(any(index in step for step in tables) for index in indexes)
    assert all(any(index in step for index in indexes) for step in tables)


@pytest.mark.parametrize("account", [None, "a"])
def test_counts_of_several_endpoints_are_read_along_the_index_of_endpoints(
    sqlite_url: str, account: str | None
):
    plan = _plan_of(
        sqlite_url, lambda r: r.counted_of_each(["e", "f"], account, since_ms=1, until_ms=2)
    )
    read = [step for step in plan if step.startswith(("SEARCH", "SCAN"))]
    assert len(read) == 2
    assert all("statistics_1 (endpoint=? AND hour_ms>" in step for step in read)


def test_who_fails_most_is_looked_for_where_something_failed(sqlite_url: str):
    plan = _plan_of(sqlite_url, lambda r: r.failing(CountFilter(), since_ms=1, until_ms=2, limit=9))
    assert any("ix_statistics_no_success (hour_ms>" in step for step in plan)
    assert any("statistics_1 (endpoint=? AND hour_ms>" in step for step in plan)
    assert not any("ix_statistics_hour (hour_ms>" in step for step in plan)


@pytest.mark.parametrize("account", [None, "acme"])
def test_streaks_and_journeys_are_read_along_indexes(sqlite_url: str, account: str | None):
    store = open_store(sqlite_url)
    with SqlRegistry(store).writing() as writer:
        writer.put_endpoint(an_endpoint("ep_1"))
    RecorderStore(store).write([a_failure()], [], {})
    store.close()

    def read(store: Store) -> None:
        reader = RecentReader(store)
        assert reader.streaks(account=account, limit=9)[0].tries
        reader.journeys(account=account, since_ms=START_MS, limit=9)

    plan = _plan_with(sqlite_url, read)
    of = "account" if account else "created"
    assert any(f"USING INDEX ix_deliveries_{of} " in f"{step} " for step in plan), plan
    assert any("ix_deliveries_failed_endpoint" in step for step in plan), plan
    assert any("ix_watched_endpoints_watched" in step for step in plan) or account, plan
    scanned = [step for step in plan if step.startswith("SCAN")]
    assert not [step for step in scanned if "deliveries" in step or "attempts" in step], plan
