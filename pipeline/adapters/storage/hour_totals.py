"""Counts of all endpoints together: with each batch, and later for what older programs counted.

Whoever adds to `statistics` locks its rows first, by their key, and then those of the totals, by
theirs: so nobody deadlocks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Subquery, bindparam, func, select, union_all

from pipeline.adapters.storage.changes import HourKey
from pipeline.adapters.storage.counting_tables import hour_totals, statistics, untotalled_hours
from pipeline.adapters.storage.delivery_conditions import since_until
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.statements import statements_for

PARTS: Final = 16
ROWS_AT_ONCE: Final = 2_000

_its = statistics.c
_IS_BEHIND: Final = _its.requests != _its.totalled_requests
_LEFT: Final = (
    (_its.requests - _its.totalled_requests).label("requests"),
    (_its.accepted - _its.totalled_accepted).label("accepted"),
    (_its.triggered - _its.totalled_triggered).label("triggered"),
)
_KEY: Final = (_its.endpoint, _its.hour_ms, _its.http_status, _its.latency)

Total = tuple[int, int, int, int, int, int, int]
"""Hour, HTTP status, bucket of the duration, part; requests, accepted, triggered."""


def part_of(positions: Mapping[tuple[str, int], int]) -> int:
    """Where the totals of whoever reads these partitions are kept."""
    return min((partition for _, partition in positions), default=0) % PARTS


def totals_of(hours: Mapping[HourKey, Sequence[int]], *, part: int) -> list[Total]:
    """The counts of single endpoints, added up; in the order of their keys."""
    counted = ((key[1:4], counts) for key, counts in hours.items())
    return list(_added_up(counted, part))


def _added_up(
    counted: Iterable[tuple[tuple[int, ...], Sequence[int]]], part: int
) -> Iterator[Total]:
    totals: defaultdict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for key, counts in counted:
        total = totals[key]
        for place, count in enumerate(counts):
            total[place] += count
    for (hour_ms, status, latency), (requests, accepted, triggered) in sorted(totals.items()):
        yield hour_ms, status, latency, part, requests, accepted, triggered


def counts_of_all(*, since_ms: int, until_ms: int) -> Subquery:
    """Totals, and what is not in them yet: together right at every moment."""
    total = hour_totals.c
    names = ("hour_ms", "http_status", "latency", "requests", "accepted", "triggered")
    totals = select(*(total[name] for name in names)).where(
        *since_until(total.hour_ms, since_ms, until_ms)
    )
    noted = untotalled_hours.c.hour_ms
    behind = select(noted).where(*since_until(noted, since_ms, until_ms))
    left = select(_its.hour_ms, _its.http_status, _its.latency, *_LEFT).where(
        _its.hour_ms.in_(behind), _IS_BEHIND
    )
    return union_all(totals, left).subquery()


def add_up_some(store: Store) -> int:
    """Bring some rows into the totals, the newest hour's first. How many; 0: none was left.

    Raises StoreUnavailable or StoreUnusable; nothing is half done.
    """
    statements = statements_for(store.engine.dialect)
    with store.writing() as connection:
        noted = untotalled_hours.c
        hour_ms = connection.execute(select(func.max(noted.hour_ms))).scalar_one()
        if hour_ms is None:
            return 0
        # Notes that come from now on stay: their rows may be none of those that are found.
        notes = [
            {"its_writer": writer}
            for (writer,) in connection.execute(
                select(noted.writer).where(noted.hour_ms == hour_ms)
            )
        ]
        behind = select(*_KEY, *_LEFT).where(_its.hour_ms == hour_ms, _IS_BEHIND)
        rows = [
            tuple(row)
            for row in connection.execute(
                behind.order_by(*_KEY).limit(ROWS_AT_ONCE).with_for_update()
            )
        ]
        totals = _added_up(((row[1:4], row[4:]) for row in rows), 0)
        # Only what was found is in the totals; the rows are locked, so nothing has come to them.
        statements.mark_totalled.run(connection, [row[:4] for row in rows])
        statements.count_total.run(connection, list(totals))
        if len(rows) == ROWS_AT_ONCE:
            return len(rows)
        its_note = (noted.hour_ms == hour_ms) & (noted.writer == bindparam("its_writer"))
        connection.execute(untotalled_hours.delete().where(its_note), notes)
        return len(rows) + 1
