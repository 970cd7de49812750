"""The tables of the console and of the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from pipeline.adapters.storage.column_values import GivenText
from pipeline.adapters.storage.watch_tables import metadata

console_operators = Table(
    "console_operators",
    metadata,
    Column("name", GivenText, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("operator", GivenText, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Index("ix_console_sessions_expires", "expires_at_ms"),
    Index("ix_console_sessions_operator", "operator"),
)

# Who changed what: written in the transaction of the change itself.
audit_log = Table(
    "audit_log",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", GivenText, nullable=False),
    Column("via", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", GivenText, nullable=False),
    Column("account", GivenText),
    Column("before", GivenText),
    Column("after", GivenText),
    Index("ix_audit_log_account", "account", "sequence"),
    sqlite_autoincrement=True,
)
