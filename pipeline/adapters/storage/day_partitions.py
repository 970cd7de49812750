"""PostgreSQL's partitions of `attempts`, one for each day (UTC), so that old days go at once.

What began before the first or after the last day that anybody means has a partition as well, and so
has what a store held before it had partitions: nothing is refused for its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

DAY_MS: Final = 86_400_000
FIRST_MS: Final = 1_577_836_800_000
"""2020-01-01."""
BEYOND_MS: Final = 4_102_444_800_000
"""2100-01-01."""

_LOCK_WAIT: Final = "SET LOCAL lock_timeout = '1s'"
_BOUNDS: Final = re.compile(r"FOR VALUES FROM \((MINVALUE|'-?\d+')\) TO \((MAXVALUE|'-?\d+')\)")
_PARTITIONS: Final = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'attempts'::regclass
"""
_BEFORE_ALL: Final = (
    f"CREATE TABLE attempts_before PARTITION OF attempts FOR VALUES FROM (MINVALUE) TO ({FIRST_MS})"
)


class _Partition(NamedTuple):
    name: str
    since_ms: float
    until_ms: float


class DayPartitions:
    """Makes those that are missing. May be used by several threads and processes at once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: set[int] = set()

    def ensure(self, connection: Connection, times_ms: Iterable[int]) -> None:
        """Attempts that started at these times can be written in the same transaction.

        Readers and writers go on meanwhile; only others who make a partition wait.
        """
        if connection.dialect.name != "postgresql":
            return
        days = {time_ms // DAY_MS for time_ms in times_ms if FIRST_MS <= time_ms < BEYOND_MS}
        missing = days - self._known
        if missing:
            _make(connection, missing)
            self._known |= missing

    def forget(self) -> None:
        """Look again: what was known may be gone since."""
        self._known = set()


def drop_before(connection: Connection, before_ms: int) -> int:
    """Drop the partitions all of whose attempts started earlier. How many there were.

    Waits for a lock a second at most: whoever reads or writes attempts would wait behind us.
    """
    if connection.dialect.name != "postgresql" or not _old(connection, before_ms):
        return 0
    connection.exec_driver_sql(_LOCK_WAIT)
    connection.exec_driver_sql("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE")
    old = _old(connection, before_ms)  # somebody else may have been faster
    for partition in old:
        connection.exec_driver_sql(f'DROP TABLE "{partition.name}"')
        if partition.since_ms < FIRST_MS:
            connection.exec_driver_sql(_BEFORE_ALL)
    return len(old)


def _old(connection: Connection, before_ms: int) -> list[_Partition]:
    """Without that of the times that nobody means: it stays, and is empty."""
    return [each for each in _partitions(connection) if FIRST_MS < each.until_ms <= before_ms]


def _make(connection: Connection, days: set[int]) -> None:
    # Held until the end of the transaction; it is in nobody's way but that of its like.
    connection.exec_driver_sql("LOCK TABLE attempts IN SHARE UPDATE EXCLUSIVE MODE")
    there = _partitions(connection)
    for day in sorted(days):
        since_ms = day * DAY_MS
        if not any(each.since_ms <= since_ms < each.until_ms for each in there):
            _attach(connection, since_ms)


def _attach(connection: Connection, since_ms: int) -> None:
    """Made apart and then attached: to make it in its place would keep all others out."""
    name = f"attempts_on_{datetime.fromtimestamp(since_ms / 1000, UTC):%Y%m%d}"
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE attempts INCLUDING ALL)")
    connection.exec_driver_sql(
        f"ALTER TABLE attempts ATTACH PARTITION {name}"
        f" FOR VALUES FROM ({since_ms}) TO ({since_ms + DAY_MS})"
    )


def _partitions(connection: Connection) -> list[_Partition]:
    found: list[_Partition] = []
    for name, expression in connection.exec_driver_sql(_PARTITIONS):
        bounds = _BOUNDS.fullmatch(expression)
        if bounds is not None:  # else somebody made it by hand
            found.append(_Partition(name, *map(_bound, bounds.groups())))
    return found


def _bound(text: str) -> float:
    unbounded = {"MINVALUE": float("-inf"), "MAXVALUE": float("inf")}
    return unbounded[text] if text in unbounded else int(text.strip("'"))
