"""Deliveries, attempts, dead letters, positions and statistics."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, Text, text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_deliveries()
    _create_attempts()
    _create_dead_letters()
    _create_positions()
    _create_statistics()


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        Column("id", Text, primary_key=True),
        Column("account", Text, nullable=False),
        Column("endpoint", Text, nullable=False),
        Column("webhook_id", Text),
        Column("event_id", Text),
        Column("event_type", Text),
        Column("subject", Text),
        Column("cause", Text),
        Column("cause_id", Text),
        Column("occurred_at_us", BigInteger),
        Column("original", Text),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("state", Integer, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("deciding_state", Integer),
        Column("deciding_attempt", Integer),
        Column("last_attempt_at_ms", BigInteger),
        Column("http_status", Integer),
        Column("next_attempt_at_ms", BigInteger),
        Column("record_topic", Text),
        Column("record_partition", Integer),
        Column("record_offset", BigInteger),
        Column("only_duration_ms", Double),
        Column("only_phases", Text),
        Column("only_address", Text),
    )
    op.create_index("ix_deliveries_endpoint", "deliveries", ["endpoint", "created_at_ms"])
    op.create_index("ix_deliveries_account", "deliveries", ["account", "created_at_ms"])
    op.create_index("ix_deliveries_created", "deliveries", ["created_at_ms"])
    op.create_index("ix_deliveries_event", "deliveries", ["event_id"])
    op.create_index(
        "ix_deliveries_original",
        "deliveries",
        ["original"],
        sqlite_where=text("original IS NOT NULL"),
        postgresql_where=text("original IS NOT NULL"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        Column("delivery_id", Text, primary_key=True),
        Column("attempt", Integer, primary_key=True, autoincrement=False),
        Column("started_at_ms", BigInteger, primary_key=True, autoincrement=False),
        Column("duration_ms", Double, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("http_status", Integer),
        Column("decision", Text, nullable=False),
        Column("next_attempt_at_ms", BigInteger),
        Column("record_topic", Text, nullable=False),
        Column("record_partition", Integer, nullable=False),
        Column("record_offset", BigInteger, nullable=False),
        Column("phases", Text),
        Column("request_headers", Text),
        Column("response_headers", Text),
        Column("response_body", LargeBinary),
        Column("error", Text),
        Column("address", Text),
        Column("reason", Text),
    )


def _create_dead_letters() -> None:
    op.create_table(
        "dead_letters",
        Column("id", Text, primary_key=True),
        Column("reason", Text, nullable=False),
        Column("dead_at_ms", BigInteger, nullable=False),
        Column("account", Text),
        Column("endpoint", Text),
        Column("event_type", Text),
        Column("attempts", Integer, nullable=False),
        Column("outcome", Text),
        Column("http_status", Integer),
        Column("error", Text),
        Column("source_topic", Text, nullable=False),
        Column("source_partition", Integer, nullable=False),
        Column("source_offset", BigInteger, nullable=False),
        Column("record_topic", Text, nullable=False),
        Column("record_partition", Integer, nullable=False),
        Column("record_offset", BigInteger, nullable=False),
    )
    op.create_index("ix_dead_letters_endpoint", "dead_letters", ["endpoint", "dead_at_ms"])
    op.create_index("ix_dead_letters_account", "dead_letters", ["account", "dead_at_ms"])
    op.create_index("ix_dead_letters_dead", "dead_letters", ["dead_at_ms"])


def _create_positions() -> None:
    op.create_table(
        "positions",
        Column("topic", Text, primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("next_offset", BigInteger, nullable=False),
    )


def _create_statistics() -> None:
    op.create_table(
        "statistics",
        Column("endpoint", Text, primary_key=True),
        Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
        Column("http_status", Integer, primary_key=True, autoincrement=False),
        Column("requests", BigInteger, nullable=False),
        Column("accepted", BigInteger, nullable=False),
    )
