"""The log at size: what is rare in it is found by indexes, and PostgreSQL keeps attempts by days.

Safe while stages run: they wait, or try again, until it is over. The attempts that there are stay
where they lie and become one partition, up to the end of their last day; nothing is written anew.
"""

from __future__ import annotations

from datetime import UTC, datetime

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DAY_MS = 86_400_000
_FIRST_MS = 1_577_836_800_000  # 2020-01-01
_BEYOND_MS = 4_102_444_800_000  # 2100-01-01
_AHEAD_DAYS = 7  # for a recorder of an older version that is still running
_IS_WHOLE = (
    "(request_headers IS NOT NULL OR response_headers IS NOT NULL OR response_body IS NOT NULL)"
)


def upgrade() -> None:
    _create_indexes()
    if op.get_bind().dialect.name == "postgresql":
        _divide_attempts()


def _create_indexes() -> None:
    op.create_index("ix_deliveries_subject", "deliveries", ["subject", "created_at_ms"])
    op.create_index("ix_deliveries_type", "deliveries", ["event_type", "created_at_ms"])
    _create_index_of_some("cause", "cause <> 'event'", "cause", "created_at_ms")
    _create_index_of_some("unfinished", "state < 40", "created_at_ms")
    _create_index_of_some("failed", "state <> 60", "created_at_ms")
    _create_index_of_some("failed_account", "state <> 60", "account", "created_at_ms")
    _create_index_of_some("failed_endpoint", "state <> 60", "endpoint", "created_at_ms")


def _create_index_of_some(name: str, condition: str, *columns: str) -> None:
    op.create_index(
        f"ix_deliveries_{name}",
        "deliveries",
        [*columns],
        sqlite_where=text(condition),
        postgresql_where=text(condition),
    )


def _divide_attempts() -> None:
    op.execute("ALTER TABLE attempts RENAME TO attempts_before")
    op.execute("ALTER INDEX attempts_pkey RENAME TO attempts_before_pkey")
    op.execute("ALTER INDEX ix_attempts_whole RENAME TO attempts_before_whole")
    op.execute(
        "CREATE TABLE attempts (LIKE attempts_before,"
        " CONSTRAINT attempts_pkey PRIMARY KEY (delivery_id, attempt, started_at_ms))"
        " PARTITION BY RANGE (started_at_ms)"
    )
    op.execute(f"CREATE INDEX ix_attempts_whole ON attempts (started_at_ms) WHERE {_IS_WHOLE}")
    last_ms = _number("SELECT max(started_at_ms) FROM attempts_before")
    until_ms = _FIRST_MS if last_ms is None else max(_FIRST_MS, _day_after(last_ms))
    _attach("attempts_before", "MINVALUE", until_ms)
    _create_day_partitions(until_ms)
    op.execute("CREATE TABLE attempts_beyond (LIKE attempts INCLUDING ALL)")
    _attach("attempts_beyond", max(_BEYOND_MS, until_ms), "MAXVALUE")


def _create_day_partitions(since_ms: int) -> None:
    today_ms = _number("SELECT (extract(epoch FROM now()) * 1000)::bigint") or 0
    today_ms -= today_ms % _DAY_MS
    for day in range(_AHEAD_DAYS):
        day_ms = today_ms + day * _DAY_MS
        if since_ms <= day_ms < _BEYOND_MS:
            name = f"attempts_on_{_date(day_ms)}"
            op.execute(f"CREATE TABLE {name} (LIKE attempts INCLUDING ALL)")
            _attach(name, day_ms, day_ms + _DAY_MS)


def _attach(name: str, since: int | str, until: int | str) -> None:
    op.execute(
        f"ALTER TABLE attempts ATTACH PARTITION {name} FOR VALUES FROM ({since}) TO ({until})"
    )


def _day_after(time_ms: int) -> int:
    return time_ms - time_ms % _DAY_MS + _DAY_MS


def _date(day_ms: int) -> str:
    return datetime.fromtimestamp(day_ms / 1000, UTC).strftime("%Y%m%d")


def _number(statement: str) -> int | None:
    return op.get_bind().execute(text(statement)).scalar_one()
