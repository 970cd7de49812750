"""The store's tables as they are now; the migrations lead here, and a test compares the two.

Times are integers since the epoch: `_ms` milliseconds, `_us` microseconds, UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)

from pipeline.adapters.storage.column_values import GivenText
from pipeline.adapters.storage.watch_tables import metadata

# One row a delivery. The order of columns is that of rows.DeliveryRow.
deliveries = Table(
    "deliveries",
    metadata,
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
    # The attempt that tells how the delivery stands.
    Column("deciding_state", Integer),
    Column("deciding_attempt", Integer),
    Column("last_attempt_at_ms", BigInteger),
    Column("http_status", Integer),
    Column("next_attempt_at_ms", BigInteger),
    Column("record_topic", Text),
    Column("record_partition", Integer),
    Column("record_offset", BigInteger),
    # What else there is to say of an only attempt that succeeded and kept no headers: such a
    # delivery, nearly every one, has no row in `attempts`. It moves there when a second is known.
    Column("only_duration_ms", Double),
    Column("only_phases", Text),
    Column("only_address", Text),
    Index("ix_deliveries_endpoint", "endpoint", "created_at_ms"),
    Index("ix_deliveries_account", "account", "created_at_ms"),
    Index("ix_deliveries_created", "created_at_ms"),
    Index("ix_deliveries_event", "event_id"),
    Index("ix_deliveries_subject", "subject", "created_at_ms"),
    Index("ix_deliveries_type", "event_type", "created_at_ms"),
)
# What a condition has to say, letter by letter, for such an index to serve it. Nearly every
# delivery is delivered at once, so these hold few rows and cost hardly anything.
IS_NOT_DELIVERED = text("state <> 60")
IS_UNFINISHED = text("state < 40")
IS_CAUSED_BY_SOMEBODY = text("cause <> 'event'")


def _index_of_some(
    name: str, condition: TextClause | ColumnElement[bool], *of: Column[Any]
) -> None:
    Index(name, *of, sqlite_where=condition, postgresql_where=condition)


_its = deliveries.c
_index_of_some("ix_deliveries_original", _its.original.is_not(None), _its.original)
_index_of_some("ix_deliveries_cause", IS_CAUSED_BY_SOMEBODY, _its.cause, _its.created_at_ms)
_index_of_some("ix_deliveries_unfinished", IS_UNFINISHED, _its.created_at_ms)
_index_of_some("ix_deliveries_failed", IS_NOT_DELIVERED, _its.created_at_ms)
_index_of_some("ix_deliveries_failed_account", IS_NOT_DELIVERED, _its.account, _its.created_at_ms)
_index_of_some("ix_deliveries_failed_endpoint", IS_NOT_DELIVERED, _its.endpoint, _its.created_at_ms)

# An attempt may be made twice under one number (after a crash), hence the time in the key.
# The order of columns is that of rows.AttemptRow. On PostgreSQL a partition for each day.
attempts = Table(
    "attempts",
    metadata,
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
    postgresql_partition_by="RANGE (started_at_ms)",
)
IS_WHOLE_ATTEMPT = text(
    "(request_headers IS NOT NULL OR response_headers IS NOT NULL OR response_body IS NOT NULL)"
)
_index_of_some("ix_attempts_whole", IS_WHOLE_ATTEMPT, attempts.c.started_at_ms)

# Without the payload: that stays in Kafka, at `record`.
dead_letters = Table(
    "dead_letters",
    metadata,
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
    Index("ix_dead_letters_endpoint", "endpoint", "dead_at_ms"),
    Index("ix_dead_letters_account", "account", "dead_at_ms"),
    Index("ix_dead_letters_dead", "dead_at_ms"),
)

# The truth about accounts and endpoints; Kafka's tables say what stands here. Removed ones stay:
# no id is used twice.
accounts = Table(
    "accounts",
    metadata,
    Column("id", GivenText, primary_key=True),
    Column("name", GivenText, nullable=False),
    Column("profile", GivenText, nullable=False),
    Column("plan", GivenText),
    Column("webhooks_enabled", Boolean, nullable=False),
    Column("owner_email", GivenText),
    Column("removed", Boolean, nullable=False),
    Index("ix_accounts_profile", "profile"),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", GivenText, primary_key=True),
    Column("account", GivenText, nullable=False),
    Column("profile", GivenText, nullable=False),
    Column("topic", GivenText, nullable=False),
    Column("status", GivenText, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("document", Text, nullable=False),  # JSON of all that nobody asks for by itself
    Column("sealed", LargeBinary),
)
# What a condition has to say, letter by letter, for these indexes to serve it.
IS_LIVE_ENDPOINT = text("status <> 'removed'")
for _name, _columns in (
    ("account", (endpoints.c.account, endpoints.c.id)),
    ("live", (endpoints.c.id,)),
    ("topic", (endpoints.c.topic,)),
    ("profile", (endpoints.c.profile,)),
):
    Index(
        f"ix_endpoints_{_name}",
        *_columns,
        sqlite_where=IS_LIVE_ENDPOINT,
        postgresql_where=IS_LIVE_ENDPOINT,
    )

relations = Table(
    "relations",
    metadata,
    Column("account", GivenText, primary_key=True),
    Column("company", GivenText, primary_key=True),
    Column("star", GivenText),
)
Index(
    "ix_relations_starred",
    relations.c.account,
    sqlite_where=relations.c.star.is_not(None),
    postgresql_where=relations.c.star.is_not(None),
)

relation_data = Table(
    "relation_data",
    metadata,
    Column("account", GivenText, primary_key=True),
    Column("company", GivenText, primary_key=True),
    Column("key", GivenText, primary_key=True),
    Column("value", GivenText, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", GivenText, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("account", GivenText),
    Column("access", GivenText, nullable=False),
    Column("name", GivenText, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger),
    Column("last_used_at_ms", BigInteger),
    Column("revoked_at_ms", BigInteger),
    UniqueConstraint("hash", name="uq_api_keys_hash"),
    Index("ix_api_keys_account", "account", "id"),
)

profiles = Table(
    "profiles",
    metadata,
    Column("name", GivenText, primary_key=True),
    Column("document", GivenText, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("removed", Boolean, nullable=False),
)

event_types = Table(
    "event_types",
    metadata,
    Column("type", GivenText, primary_key=True),
    Column("description", GivenText, nullable=False),
    Column("schema", GivenText),
    Column("sample", GivenText),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
)

# What was answered to requests with an idempotency key.
kept_answers = Table(
    "kept_answers",
    metadata,
    Column("owner", GivenText, primary_key=True),
    Column("idempotency_key", GivenText, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Index("ix_kept_answers_created", "created_at_ms"),
)

# What is committed and not in Kafka yet. A sequence is never used twice, and follows the commits.
outbox = Table(
    "outbox",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary),
    Column("is_event", Boolean, nullable=False),
    Column("needs_topic", Boolean, nullable=False),
    Column("delivery_topic", Text),
    Index("ix_outbox_key", "topic", "key"),
    sqlite_autoincrement=True,
)

# How far the outbox has filled each table's topic.
table_positions = Table(
    "table_positions",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
)
