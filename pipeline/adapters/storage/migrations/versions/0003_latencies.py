"""Attempts are counted by how long they took and by account too; what was sent is found by age."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_IS_WHOLE = (
    "(request_headers IS NOT NULL OR response_headers IS NOT NULL OR response_body IS NOT NULL)"
)


def upgrade() -> None:
    op.execute("CREATE TABLE statistics_before AS SELECT * FROM statistics")
    op.drop_table("statistics")
    _create_statistics()
    _keep_what_was_counted()
    op.drop_table("statistics_before")
    is_whole = text(_IS_WHOLE)
    op.create_index(
        "ix_attempts_whole",
        "attempts",
        ["started_at_ms"],
        sqlite_where=is_whole,
        postgresql_where=is_whole,
    )


def _create_statistics() -> None:
    op.create_table(
        "statistics",
        Column("endpoint", Text, primary_key=True),
        Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
        Column("http_status", Integer, primary_key=True, autoincrement=False),
        Column("latency", Integer, primary_key=True, autoincrement=False),
        Column("account", Text, nullable=False),
        Column("requests", BigInteger, nullable=False),
        Column("accepted", BigInteger, nullable=False),
    )
    op.create_index("ix_statistics_account", "statistics", ["account", "hour_ms"])
    op.create_index("ix_statistics_hour", "statistics", ["hour_ms"])


def _keep_what_was_counted() -> None:
    op.execute(
        "INSERT INTO statistics"
        " (endpoint, hour_ms, http_status, latency, account, requests, accepted)"
        " SELECT b.endpoint, b.hour_ms, b.http_status, 0, COALESCE("
        "(SELECT e.account FROM endpoints e WHERE e.id = b.endpoint),"
        " (SELECT d.account FROM deliveries d WHERE d.endpoint = b.endpoint LIMIT 1), ''),"
        " b.requests, b.accepted FROM statistics_before b"
    )
