"""Makes a log larger than writing it would take the time for: the database copies its own rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Table,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
    update,
)

from pipeline.adapters.storage.counting_tables import hour_totals, statistics
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.tables import attempts, dead_letters, deliveries

MOST_COPIES: Final = 20
_MARKS: Final = "abcdefghijklmnopqrst"
"""The last character of a copy's ids; ids of ours have capitals and digits."""
_ID_CHARS: Final = 30
_PIECES: Final = 20
_BEYOND: Final = "~"
_Piece = tuple[str, str]
_RENAMED: Final = frozenset({"id", "delivery_id", "event_id"})


def copy_log(store: Store, *, times: int) -> None:
    """`times` copies of every row, at the times of the first, with other ids, indexes rebuilt."""
    with store.writing() as connection:
        _wait_for_ever(connection)
        for index in deliveries.indexes:
            index.drop(connection)
    for piece in _pieces(store):
        with store.writing() as connection:
            _wait_for_ever(connection)
            for table, key in (
                (deliveries, deliveries.c.id),
                (attempts, attempts.c.delivery_id),
                (dead_letters, dead_letters.c.id),
            ):
                _copy(connection, table, key, piece=piece, marks=_MARKS[:times])
    with store.writing() as connection:
        _wait_for_ever(connection)
        for index in sorted(deliveries.indexes, key=lambda index: str(index.name)):
            index.create(connection)
        for table in (statistics, hour_totals):
            counts = [each for each in table.c if each.name.endswith(("requests", "accepted"))]
            connection.execute(update(table).values({each: each * (times + 1) for each in counts}))


def _pieces(store: Store) -> Iterator[_Piece]:
    """Ranges of ids: what is copied at once, so that it fits into memory."""
    ids = deliveries.c.id
    with store.reading() as connection:
        count = connection.execute(select(func.count()).select_from(deliveries)).scalar_one()
        every = max(count // _PIECES, 1)
        bounds = [
            connection.execute(select(ids).order_by(ids).offset(at).limit(1)).scalar_one()
            for at in range(every, count, every)
        ]
    yield from pairwise(["", *bounds, _BEYOND])


def _copy(
    connection: Connection, table: Table, key: Column[str], *, piece: _Piece, marks: str
) -> None:
    """In the order of the ids, all copies of a row together: each page is written but once."""
    each = union_all(*(select(literal(mark).label("mark")) for mark in marks)).subquery()
    copied = [
        func.substr(old, 1, _ID_CHARS - 1).concat(each.c.mark) if old.name in _RENAMED else old
        for old in table.c
    ]
    rows = (
        select(*copied)
        .select_from(table.join(each, true()))
        .where(key >= piece[0], key < piece[1])
        .order_by(key, each.c.mark)
    )
    connection.execute(insert(table).from_select(list(table.c), rows))


def _wait_for_ever(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
