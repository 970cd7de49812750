"""The tables of how far the recorder has read, and of what it counted on the way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from pipeline.adapters.storage.watch_tables import metadata

# How far each partition has been written here; only advances.
positions = Table(
    "positions",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

# Attempts counted by the hour in which they started; http_status 0 where nobody answered, latency
# a bucket of domain/latency.py.
statistics = Table(
    "statistics",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("http_status", Integer, primary_key=True, autoincrement=False),
    Column("latency", Integer, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("triggered", BigInteger, nullable=False, server_default="0"),
    # How much of it is in `hour_totals`: all, but for what programs before 0008 have counted.
    # In no index, nor in an index's condition: PostgreSQL then updates such a row in its place.
    Column("totalled_requests", BigInteger, nullable=False, server_default="0"),
    Column("totalled_accepted", BigInteger, nullable=False, server_default="0"),
    Column("totalled_triggered", BigInteger, nullable=False, server_default="0"),
    Index("ix_statistics_account", "account", "hour_ms"),
    Index("ix_statistics_hour", "hour_ms"),
)
# What a condition has to say, letter by letter, for this index to serve it.
IS_NO_SUCCESS = text("(http_status < 200 OR http_status > 299)")
Index(
    "ix_statistics_no_success",
    statistics.c.hour_ms,
    sqlite_where=IS_NO_SUCCESS,
    postgresql_where=IS_NO_SUCCESS,
)

# The same for all endpoints together, so that asking for it costs the same however many there are.
# In parts, so that recorders of different partitions do not wait for each other's rows.
hour_totals = Table(
    "hour_totals",
    metadata,
    Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("http_status", Integer, primary_key=True, autoincrement=False),
    Column("latency", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("requests", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("triggered", BigInteger, nullable=False),
)

# Hours of which some of `statistics` is not in the totals yet, noted by a trigger.
untotalled_hours = Table(
    "untotalled_hours",
    metadata,
    Column("hour_ms", BigInteger, primary_key=True, autoincrement=False),
    # The transaction that noted it on PostgreSQL, so that none waits for another.
    Column("writer", BigInteger, primary_key=True, autoincrement=False),
)
