"""What attempts say of their endpoints, and mails to owners that are to be sent."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_IS_WATCHED = (
    "first_failure_ms IS NOT NULL OR gone_at_ms IS NOT NULL OR warned_percent > 0"
    " OR dead_untold > 0"
)


def upgrade() -> None:
    op.create_table(
        "watched_endpoints",
        Column("endpoint", Text, primary_key=True),
        Column("counted_from_ms", BigInteger, nullable=False),
        Column("first_failure_ms", BigInteger),
        Column("last_failure_ms", BigInteger),
        Column("last_success_ms", BigInteger),
        Column("gone_at_ms", BigInteger),
        Column("warned_percent", Integer, nullable=False),
        Column("dead_untold", BigInteger, nullable=False),
        Column("dead_told_at_ms", BigInteger, nullable=False),
    )
    is_watched = text(_IS_WATCHED)
    op.create_index(
        "ix_watched_endpoints_watched",
        "watched_endpoints",
        ["endpoint"],
        sqlite_where=is_watched,
        postgresql_where=is_watched,
    )
    op.create_table(
        "owner_notices",
        Column("id", Text, primary_key=True),
        Column("to", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("due_at_ms", BigInteger, nullable=False),
        Column("tries", Integer, nullable=False),
    )
    op.create_index("ix_owner_notices_due", "owner_notices", ["due_at_ms"])
