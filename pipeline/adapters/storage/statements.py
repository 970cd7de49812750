"""The statements of the write path, written as each database wants them.

What is run for each row is compiled once to text with places for a tuple: building a dictionary for
a row and taking it apart again would cost half as much as the insert itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    Text,
    any_,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert, Update

from pipeline.adapters.storage.counting_tables import (
    hour_totals,
    positions,
    statistics,
)
from pipeline.adapters.storage.first_rows import FIRST_COLUMNS, SAME_IN_ALL
from pipeline.adapters.storage.rows import FIRST_OF_STANDING, DeliveryRow
from pipeline.adapters.storage.tables import (
    attempts,
    dead_letters,
    deliveries,
)

_UpsertingInsert = sqlite.Insert | postgresql.Insert

_EARLIEST_FIRST = (
    "dead_at_ms",
    "reason",
    "record_topic",
    "record_partition",
    "record_offset",
)

_COUNTS = ("requests", "accepted", "triggered")


@dataclass(frozen=True, slots=True)
class RowStatement:
    """A statement that takes a tuple for each row."""

    text: str
    columns: tuple[str, ...]
    """What a tuple holds, in order."""

    def run(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> int:
        """How many rows it wrote."""
        return connection.exec_driver_sql(self.text, list(rows)).rowcount if rows else 0


@dataclass(frozen=True, slots=True)
class Statements:
    """All that the recorder writes, for one kind of database."""

    advance_position: RowStatement
    create_delivery: RowStatement
    advance_delivery: RowStatement
    """Columns from FIRST_OF_STANDING on, then the id."""
    amend_delivery: RowStatement
    """Every column but the id, then the id."""
    add_attempt: RowStatement
    keep_dead_letter: RowStatement
    count: RowStatement
    """Of `statistics`; what is counted with it in the totals, a second time."""
    count_total: RowStatement
    mark_totalled: RowStatement
    """Endpoint, hour, status and bucket of what is in the totals altogether."""
    create_first: RowStatement | None
    """FIRST_COLUMNS of each delivery that is not known yet; leaves alone those that are.

    Only where one writes at a time: others would have to lock whatever they write in one order.
    """


def statements_for(dialect: Dialect) -> Statements:
    is_sqlite = dialect.name == "sqlite"
    written = sqlite.dialect(paramstyle="qmark") if is_sqlite else _psycopg_dialect()
    upserting = sqlite.insert if is_sqlite else postgresql.insert

    def compiled(statement: Insert | Update) -> RowStatement:
        text = statement.compile(dialect=written)
        return RowStatement(str(text), tuple(text.positiontup or ()))

    return Statements(
        advance_position=compiled(_advance_position(upserting(positions))),
        create_delivery=compiled(insert(deliveries)),
        advance_delivery=compiled(_update_delivery(DeliveryRow._fields[FIRST_OF_STANDING:])),
        amend_delivery=compiled(_update_delivery(DeliveryRow._fields[1:])),
        add_attempt=compiled(insert(attempts)),
        keep_dead_letter=compiled(_keep_dead_letter(upserting(dead_letters))),
        count=compiled(_count(upserting(statistics), statistics)),
        count_total=compiled(_count(upserting(hour_totals), hour_totals)),
        mark_totalled=compiled(_mark_totalled()),
        create_first=compiled(_create_first()) if is_sqlite else None,
    )


def is_one_of(column: Column[str], ids: Sequence[str], dialect: Dialect) -> ColumnElement[bool]:
    """`column` is among `ids`, with one parameter however many they are."""
    if dialect.name == "sqlite":
        each = func.json_each(literal(msgspec.json.encode(ids).decode(), Text)).table_valued(
            "value"
        )
        return column.in_(select(each.c.value))
    return column == any_(literal(list(ids), ARRAY(Text)))


def _psycopg_dialect() -> Dialect:
    return postgresql.psycopg.dialect(paramstyle="format")


def _advance_position(statement: _UpsertingInsert) -> Insert:
    return statement.on_conflict_do_update(
        index_elements=_key(positions),
        set_={"next_offset": statement.excluded.next_offset},
        where=statement.excluded.next_offset > positions.c.next_offset,
    )


def _create_first() -> Insert:
    new: dict[str, object] = {column: bindparam(column) for column in FIRST_COLUMNS}
    new |= {column: literal_column(str(value)) for column, value in SAME_IN_ALL.items()}
    return sqlite.insert(deliveries).values(new).on_conflict_do_nothing()


def _update_delivery(columns: Sequence[str]) -> Update:
    new = {
        column: bindparam(f"new_{column}", type_=deliveries.c[column].type) for column in columns
    }
    return update(deliveries).values(new).where(deliveries.c.id == bindparam("row_id"))


def _keep_dead_letter(statement: _UpsertingInsert) -> Insert:
    """Of several under one id the earliest stays, whichever is read first."""
    found = tuple_(*(statement.excluded[column] for column in _EARLIEST_FIRST))
    kept = tuple_(*(dead_letters.c[column] for column in _EARLIEST_FIRST))
    return statement.on_conflict_do_update(
        index_elements=_key(dead_letters),
        set_={column.name: statement.excluded[column.name] for column in dead_letters.c},
        where=found < kept,
    )


def _count(statement: _UpsertingInsert, table: Table) -> Insert:
    counts = [column for column in table.c if column.name.endswith(_COUNTS)]
    return statement.on_conflict_do_update(
        index_elements=_key(table),
        set_={column.name: column + statement.excluded[column.name] for column in counts},
    )


def _mark_totalled() -> Update:
    all_of_it = {f"totalled_{name}": statistics.c[name] for name in _COUNTS}
    key = [
        statistics.c[name] == bindparam(f"its_{name}", type_=statistics.c[name].type)
        for name in _key(statistics)
    ]
    return update(statistics).values(all_of_it).where(*key)


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]
