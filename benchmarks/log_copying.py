"""Makes a log larger than writing it would take the time for: the database copies its own rows."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Table, func, insert, literal, select, update

from pipeline.adapters.storage.counting_tables import statistics
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.tables import attempts, dead_letters, deliveries

MOST_COPIES: Final = 20
_MARKS: Final = "abcdefghijklmnopqrst"
"""The last character of a copy's ids; ids of ours have capitals and digits."""
_ID_CHARS: Final = 30
_RENAMED: Final = frozenset({"id", "delivery_id", "event_id"})


def copy_log(store: Store, *, times: int) -> None:
    """`times` copies of every row, at the times of the first, with other ids, indexes rebuilt."""
    with store.writing() as connection:
        _wait_for_ever(connection)
        for index in deliveries.indexes:
            index.drop(connection)
    for mark in _MARKS[:times]:
        with store.writing() as connection:
            _wait_for_ever(connection)
            for table, key in (
                (deliveries, deliveries.c.id),
                (attempts, attempts.c.delivery_id),
                (dead_letters, dead_letters.c.id),
            ):
                _copy(connection, table, key, mark=mark)
    with store.writing() as connection:
        _wait_for_ever(connection)
        for index in sorted(deliveries.indexes, key=lambda index: str(index.name)):
            index.create(connection)
        its = statistics.c
        counts = {each: each * (times + 1) for each in (its.requests, its.accepted)}
        connection.execute(update(statistics).values(counts))


def _copy(connection: Connection, table: Table, key: Column[str], *, mark: str) -> None:
    """In the order of their ids, so that neighbours are written together."""
    values = [
        func.substr(column, 1, _ID_CHARS - 1).concat(mark) if column.name in _RENAMED else column
        for column in table.c
    ]
    of_the_first = func.substr(key, _ID_CHARS, 1) < literal(_MARKS[0])
    rows = select(*values).where(of_the_first).order_by(key)
    connection.execute(insert(table).from_select(list(table.c), rows))


def _wait_for_ever(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
