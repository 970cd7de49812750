"""The newest of the log, over SQLAlchemy Core: streaks of failures, and how long events took."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Select, select

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.statements import is_one_of
from pipeline.adapters.storage.tables import (
    IS_LIVE_ENDPOINT,
    IS_NOT_DELIVERED,
    attempts,
    deliveries,
    endpoints,
)
from pipeline.adapters.storage.watch_tables import watched_endpoints
from pipeline.domain.circuit_history import PastTry
from pipeline.domain.delivery import Cause
from pipeline.domain.delivery_state import State
from pipeline.domain.endpoint import EndpointStatus
from pipeline.recent_log import Journey, Streak

_OF_EACH_END: Final = 40
"""Deliveries at either end of a streak: more than open a circuit, and than double its wait to the
longest."""
_US_PER_MS: Final = 1_000


class RecentReader:
    """Implements `RecentLog`. Every method raises StoreUnavailable or StoreUnusable."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def streaks(self, *, account: str | None, limit: int) -> list[Streak]:
        with self._store.reading() as connection:
            rows = [_Failing._make(row) for row in connection.execute(_failing(account, limit))]
            return [Streak(*row, tries=_tries(connection, row)) for row in rows]

    def journeys(self, *, account: str | None, since_ms: int, limit: int) -> list[Journey]:
        table = deliveries.c
        # The newest first, whatever became of them: looking for so many that were accepted could
        # end at the oldest.
        newest = (
            select(
                table.occurred_at_us,
                table.last_attempt_at_ms,
                table.only_duration_ms,
                table.state,
                table.cause,
            )
            .where(table.created_at_ms >= since_ms, *_of(table.account, account))
            .order_by(table.created_at_ms.desc())
            .limit(limit)
            .subquery()
            .c
        )
        accepted = select(
            newest.occurred_at_us, newest.last_attempt_at_ms, newest.only_duration_ms
        ).where(
            newest.state == State.DELIVERED.value,
            newest.cause == Cause.EVENT.value,
            newest.occurred_at_us.is_not(None),
            newest.last_attempt_at_ms.is_not(None),
        )
        with self._store.reading() as connection:
            return [
                Journey(occurred_us // _US_PER_MS, began_ms + int(lasted_ms or 0))
                for occurred_us, began_ms, lasted_ms in connection.execute(accepted)
            ]


class _Failing(NamedTuple):
    endpoint: str
    account: str
    first_failure_ms: int
    last_failure_ms: int
    changed_at_ms: int


def _failing(account: str | None, limit: int) -> Select[str, str, int, int, int]:
    watched, its = watched_endpoints.c, endpoints.c
    streaks = select(watched.endpoint, watched.first_failure_ms, watched.last_failure_ms)
    # Enough for the index of those of which there is something to judge.
    streaks = streaks.where(watched.first_failure_ms.is_not(None))
    if account is None:
        # Those that get nothing are soon forgotten there: so the endpoints of a few are looked up,
        # and not every endpoint's streak.
        streaks = streaks.order_by(watched.last_failure_ms.desc()).limit(2 * limit)
    failing = streaks.subquery()
    at = failing.c
    return (
        select(at.endpoint, its.account, at.first_failure_ms, at.last_failure_ms, its.updated_at_ms)
        .join_from(failing, endpoints, its.id == at.endpoint)
        # It follows from the next condition, and serves SQLite to find an account's endpoints.
        .where(IS_LIVE_ENDPOINT)
        .where(its.status == EndpointStatus.ACTIVE.value, *_of(its.account, account))
        .order_by(at.last_failure_ms.desc(), at.endpoint)
        .limit(limit)
    )


def _tries(connection: Connection, of: _Failing) -> list[PastTry]:
    table = deliveries.c
    failed = select(table.id).where(
        IS_NOT_DELIVERED,
        table.endpoint == of.endpoint,
        table.created_at_ms >= of.first_failure_ms,
    )
    ends = table.created_at_ms.asc(), table.created_at_ms.desc()
    found: dict[str, None] = {}
    for end in ends:
        page = failed.order_by(end).limit(_OF_EACH_END)
        found |= dict.fromkeys(connection.execute(page).scalars())
    if not found:
        return []
    its = attempts.c
    made = select(its.delivery_id, its.started_at_ms, its.duration_ms, its.outcome, its.http_status)
    wanted = made.where(
        is_one_of(its.delivery_id, list(found), connection.dialect),
        # Nothing that is wanted is older, so PostgreSQL need not look into older days.
        its.started_at_ms >= of.first_failure_ms,
    )
    return [PastTry(*row) for row in connection.execute(wanted)]


def _of(column: Column[str], account: str | None) -> list[ColumnElement[bool]]:
    return [] if account is None else [column == account]
