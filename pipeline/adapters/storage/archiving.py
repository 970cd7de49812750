"""Forgets what is old: first what was sent and answered, much later the rows themselves.

A little in each transaction, so that those who record never wait long. Several may do it at once.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, null, select, tuple_

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.statements import is_one_of
from pipeline.adapters.storage.tables import (
    IS_WHOLE_ATTEMPT,
    attempts,
    dead_letters,
    deliveries,
    statistics,
)

ROWS_AT_ONCE: Final = 500
_HOUR_MS: Final = 3_600_000

SomeRows = TypeVar("SomeRows", bound=Select[*tuple[Any, ...]])


class StoreArchive:
    """Implements `LogArchive`. Raises StoreUnavailable or StoreUnusable; nothing is half done."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

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
                blanked = attempts.update().where(tuple_(*key).in_(found)).values(nothing)
                connection.execute(blanked)
            return len(found)

    def forget(self, *, before_ms: int) -> int:
        """Deliveries and dead letters that are older, with all about them. How many there were."""
        with self._store.writing() as connection:
            dialect = connection.dialect
            created = deliveries.c.created_at_ms
            old = _ids(connection, select(deliveries.c.id).where(created < before_ms), created)
            connection.execute(
                attempts.delete().where(is_one_of(attempts.c.delivery_id, old, dialect))
            )
            connection.execute(deliveries.delete().where(is_one_of(deliveries.c.id, old, dialect)))
            dead_at = dead_letters.c.dead_at_ms
            dead = _ids(connection, select(dead_letters.c.id).where(dead_at < before_ms), dead_at)
            connection.execute(
                dead_letters.delete().where(is_one_of(dead_letters.c.id, dead, dialect))
            )
            return len(old) + len(dead) + _forget_counts(connection, before_ms)


def _ids(connection: Connection, old: Select[str], by: ColumnElement[int]) -> list[str]:
    return [each for (each,) in connection.execute(_some(old.order_by(by)))]


def _forget_counts(connection: Connection, before_ms: int) -> int:
    table = statistics.c
    key = table.endpoint, table.hour_ms, table.http_status, table.latency
    old = select(*key).where(table.hour_ms <= before_ms - _HOUR_MS).order_by(table.hour_ms)
    found = [tuple(row) for row in connection.execute(_some(old))]
    if found:
        connection.execute(statistics.delete().where(tuple_(*key).in_(found)))
    return len(found)


def _some(rows: SomeRows) -> SomeRows:
    """Those that nobody else works on, at most as many as are dealt with at once."""
    return rows.limit(ROWS_AT_ONCE).with_for_update(skip_locked=True)
