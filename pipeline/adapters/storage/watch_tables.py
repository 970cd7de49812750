"""The tables of whoever judges endpoints, and what all tables belong to."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, text

from pipeline.adapters.storage.column_values import GivenText

metadata = MetaData()

# What attempts say of their endpoints, for judging them, and what people were told of them.
watched_endpoints = Table(
    "watched_endpoints",
    metadata,
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
# What a condition has to say, letter by letter, for this index to serve it.
IS_WATCHED = text(
    "first_failure_ms IS NOT NULL OR gone_at_ms IS NOT NULL OR warned_percent > 0"
    " OR dead_untold > 0"
)
Index(
    "ix_watched_endpoints_watched",
    watched_endpoints.c.endpoint,
    sqlite_where=IS_WATCHED,
    postgresql_where=IS_WATCHED,
)

# Mails to owners that are to be sent.
owner_notices = Table(
    "owner_notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("to", GivenText, nullable=False),
    Column("subject", GivenText, nullable=False),
    Column("text", GivenText, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("ix_owner_notices_due", "due_at_ms"),
)
