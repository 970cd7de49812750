"""What attempts and dead letters say of their endpoints, kept beside them in the same transaction.

Every writer locks these rows last and in the order of their ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.adapters.storage.column_values import storable
from pipeline.adapters.storage.statements import is_one_of
from pipeline.adapters.storage.tables import dead_letters
from pipeline.adapters.storage.watch_tables import watched_endpoints
from pipeline.domain.delivery import Attempt, Reason
from pipeline.domain.delivery_state import Buried
from pipeline.domain.inactivity import Seen, Told, Tries, after_seeing, seen_in
from pipeline.watching import Watched

LITTLE_MS: Final = 60_000
"""A success that is newer by less than this is not written where no failure counts: nearly all are
like that, and the next failure tells when it began by itself."""
_UPDATE: Final = (
    update(watched_endpoints)
    .where(watched_endpoints.c.endpoint == bindparam("row_endpoint"))
    .values({column.name: bindparam(column.name) for column in watched_endpoints.c[1:]})
)

_SEEN_NOTHING: Final = Seen([])
_FIRST_TOLD: Final = 1 + len(Tries._fields)


def seen_of(attempts: Sequence[Attempt]) -> dict[str, Seen]:
    """By endpoint, as its id can be stored."""
    return {storable(name) or "": seen for name, seen in seen_in(attempts).items()}


def new_dead(connection: Connection, buried: Sequence[Buried]) -> Counter[str]:
    """How many of these the store does not have yet, by endpoint.

    What its owner dropped has not failed. Whoever writes the same ones has locked their positions.
    """
    dead = {each.letter.id: each.letter for each in buried if each.letter.endpoint}
    ids = [storable(each.id) or "" for each in dead.values() if each.reason != Reason.DROPPED]
    if not ids:
        return Counter()
    its = dead_letters.c.id
    known = select(its).where(is_one_of(its, ids, connection.dialect))
    seen = set(connection.execute(known).scalars())
    new = (each for each in dead.values() if each.reason != Reason.DROPPED)
    return Counter(
        storable(each.endpoint) or "" for each in new if (storable(each.id) or "") not in seen
    )


def keep_sightings(
    connection: Connection, seen: Mapping[str, Seen], dead: Mapping[str, int]
) -> None:
    """Add what was seen to what is known."""
    names = sorted(seen.keys() | dead.keys())
    known = locked(connection, names)
    missing = [name for name in names if name not in known]
    if missing:
        _create(connection, missing)
        known |= locked(connection, missing)
    changed: list[Watched] = []
    for name in names:
        before = known[name]
        tries = after_seeing(before.tries, seen.get(name, _SEEN_NOTHING))
        untold = before.told.dead_untold + dead.get(name, 0)
        after = Watched(name, tries, before.told._replace(dead_untold=untold))
        if _says_more(after, before):
            changed.append(after)
    put_watched(connection, changed)


def locked(connection: Connection, names: Sequence[str]) -> dict[str, Watched]:
    """What is known of these endpoints; nobody else changes it until the end."""
    if not names:
        return {}
    its = watched_endpoints.c.endpoint
    rows = select(watched_endpoints).where(is_one_of(its, names, connection.dialect))
    found = connection.execute(rows.order_by(its).with_for_update())
    return {row[0]: watched_of(row) for row in found}


def put_watched(connection: Connection, watched: Sequence[Watched]) -> None:
    """Write over what is there."""
    if watched:
        rows = map(_values, watched)
        connection.execute(_UPDATE, [{"row_endpoint": row.pop("endpoint"), **row} for row in rows])


def watched_of(row: Sequence[object]) -> Watched:
    """A row, in the order of its columns."""
    endpoint = row[0]
    assert isinstance(endpoint, str)  # noqa: S101 - the column's type
    return Watched(endpoint, Tries._make(row[1:_FIRST_TOLD]), Told._make(row[_FIRST_TOLD:]))


def _create(connection: Connection, names: Sequence[str]) -> None:
    """Rows that say nothing yet, but where another recorder was first."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    rows = [_values(Watched(name)) for name in names]
    connection.execute(insert(watched_endpoints).on_conflict_do_nothing(), rows)


def _says_more(after: Watched, before: Watched) -> bool:
    if after.told != before.told or after.tries[1:3] != before.tries[1:3]:
        return True
    if after.tries.gone_at_ms != before.tries.gone_at_ms:
        return True
    return (after.tries.last_success_ms or 0) >= (before.tries.last_success_ms or 0) + LITTLE_MS


def _values(watched: Watched) -> dict[str, object]:
    columns = watched_endpoints.c.keys()
    return dict(zip(columns, (watched.endpoint, *watched.tries, *watched.told), strict=True))
