"""Operators, their sessions, and the audit log."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "console_operators",
        Column("name", Text, primary_key=True),
        Column("password_hash", Text, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
    )
    op.create_table(
        "console_sessions",
        Column("token_hash", LargeBinary, primary_key=True),
        Column("operator", Text, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("seen_at_ms", BigInteger, nullable=False),
        Column("expires_at_ms", BigInteger, nullable=False),
    )
    op.create_index("ix_console_sessions_expires", "console_sessions", ["expires_at_ms"])
    op.create_index("ix_console_sessions_operator", "console_sessions", ["operator"])
    op.create_table(
        "audit_log",
        Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("at_ms", BigInteger, nullable=False),
        Column("who", Text, nullable=False),
        Column("via", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("account", Text),
        Column("before", Text),
        Column("after", Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_log_account", "audit_log", ["account", "sequence"])
