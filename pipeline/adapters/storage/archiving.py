"""Forgets what is old: first what was sent and answered, much later the rows themselves.

A little in each transaction, so that those who record never wait long. Several may do it at once.

On PostgreSQL attempts go with their day's partition, when none of their deliveries is left. Their
deliveries do not have partitions: an attempt is looked up by its delivery's id, which says nothing
of the time, so that each would be looked for in all of 400 partitions, and no key would hold across
them. What they leave is filled again. SQLite's file gives back what is more than it will soon need.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, null, select, tuple_

from pipeline.adapters.storage.counting_tables import hour_totals, statistics
from pipeline.adapters.storage.day_partitions import DAY_MS, DayPartitions, drop_before
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.hour_totals import add_up_some
from pipeline.adapters.storage.statements import is_one_of
from pipeline.adapters.storage.tables import (
    IS_WHOLE_ATTEMPT,
    attempts,
    dead_letters,
    deliveries,
)

ROWS_AT_ONCE: Final = 500
PAGES_AT_ONCE: Final = 500
_SPARE: Final = 10
"""A tenth of the pages may be empty: they are filled again, and to move others costs writing."""
_AHEAD_DAYS: Final = 7
_HOUR_MS: Final = 3_600_000

SomeRows = TypeVar("SomeRows", bound=Select[*tuple[Any, ...]])


class StoreArchive:
    """Implements `LogArchive`. Raises StoreUnavailable or StoreUnusable; nothing is half done."""

    __slots__ = ("_days", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._days = DayPartitions()

    def prepare(self, *, now_ms: int) -> None:
        """The partitions of today and of the next days are there."""
        days = range(_AHEAD_DAYS + 1)
        with self._store.writing() as connection:
            self._days.ensure(connection, (now_ms + day * DAY_MS for day in days))

    def blank(self, *, before_ms: int) -> int:
        """Of attempts that started earlier: their headers and bodies. How many there were."""
        table = attempts.c
        key = table.delivery_id, table.attempt, table.started_at_ms
        old = (
            select(*key)
            .where(IS_WHOLE_ATTEMPT, table.started_at_ms < before_ms)
            .order_by(table.started_at_ms)
        )
        nothing = dict.fromkeys(("request_headers", "response_headers", "response_body"), null())
        with self._store.writing() as connection:
            found = [tuple(row) for row in connection.execute(_some(old))]
            if found:
                # The times lead PostgreSQL to their partitions.
                times = table.started_at_ms.between(found[0][-1], found[-1][-1])
                blanked = attempts.update().where(tuple_(*key).in_(found), times)
                connection.execute(blanked.values(nothing))
            return len(found)

    def forget(self, *, before_ms: int) -> int:
        """Deliveries and dead letters that are older, with all about them. How many there were."""
        with self._store.writing() as connection:
            dialect = connection.dialect
            created = deliveries.c.created_at_ms
            old = _ids(connection, select(deliveries.c.id).where(created < before_ms), created)
            if dialect.name == "sqlite":
                own = is_one_of(attempts.c.delivery_id, old, dialect)
                connection.execute(attempts.delete().where(own))
            connection.execute(deliveries.delete().where(is_one_of(deliveries.c.id, old, dialect)))
            dead_at = dead_letters.c.dead_at_ms
            dead = _ids(connection, select(dead_letters.c.id).where(dead_at < before_ms), dead_at)
            connection.execute(
                dead_letters.delete().where(is_one_of(dead_letters.c.id, dead, dialect))
            )
            forgotten = len(old) + len(dead) + _forget_counts(connection, before_ms)
            # Last: it is the one that others may have to wait for.
            return forgotten or drop_before(connection, before_ms)

    def add_up(self) -> int:
        return add_up_some(self._store)

    def release(self) -> int:
        """Pages that SQLite's file gives back to the disk, the last ones moved into its gaps.

        A file that was made before this could be done keeps its size, and fills its gaps first.
        """
        if self._store.engine.dialect.name != "sqlite":
            return 0
        with self._store.writing() as connection:
            before = _pages(connection)
            excess = _gaps(connection) - before // _SPARE
            for _ in range(min(excess, PAGES_AT_ONCE)):
                # Python's driver takes one step of it, which is a page, whatever number it names.
                connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
            return before - _pages(connection)


def _ids(connection: Connection, old: Select[str], by: ColumnElement[int]) -> list[str]:
    return [each for (each,) in connection.execute(_some(old.order_by(by)))]


def _forget_counts(connection: Connection, before_ms: int) -> int:
    return sum(_forget_hours(connection, table, before_ms) for table in (statistics, hour_totals))


def _forget_hours(connection: Connection, table: Table, before_ms: int) -> int:
    key = table.primary_key.columns.values()
    hour_ms = table.c.hour_ms
    old = select(*key).where(hour_ms <= before_ms - _HOUR_MS).order_by(hour_ms)
    found = [tuple(row) for row in connection.execute(_some(old))]
    if found:
        connection.execute(table.delete().where(tuple_(*key).in_(found)))
    return len(found)


def _pages(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


def _gaps(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())


def _some(rows: SomeRows) -> SomeRows:
    """Those that nobody else works on, at most as many as are dealt with at once."""
    return rows.limit(ROWS_AT_ONCE).with_for_update(skip_locked=True)
