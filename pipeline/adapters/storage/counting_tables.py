"""The tables of how far the recorder has read, and of what it counted on the way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

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
    Index("ix_statistics_account", "account", "hour_ms"),
    Index("ix_statistics_hour", "hour_ms"),
)
