"""Accounts, endpoints, relations, keys, profiles, event types, kept answers and the outbox."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_accounts()
    _create_endpoints()
    _create_relations()
    _create_api_keys()
    _create_profiles()
    _create_event_types()
    _create_kept_answers()
    _create_outbox()


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("profile", Text, nullable=False),
        Column("plan", Text),
        Column("webhooks_enabled", Boolean, nullable=False),
        Column("owner_email", Text),
        Column("removed", Boolean, nullable=False),
    )
    op.create_index("ix_accounts_profile", "accounts", ["profile"])


def _create_endpoints() -> None:
    op.create_table(
        "endpoints",
        Column("id", Text, primary_key=True),
        Column("account", Text, nullable=False),
        Column("profile", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("updated_at_ms", BigInteger, nullable=False),
        Column("document", Text, nullable=False),
        Column("sealed", LargeBinary),
    )
    is_live = text("status <> 'removed'")
    for name, columns in (
        ("account", ["account", "id"]),
        ("live", ["id"]),
        ("topic", ["topic"]),
        ("profile", ["profile"]),
    ):
        op.create_index(
            f"ix_endpoints_{name}",
            "endpoints",
            columns,
            sqlite_where=is_live,
            postgresql_where=is_live,
        )


def _create_relations() -> None:
    op.create_table(
        "relations",
        Column("account", Text, primary_key=True),
        Column("company", Text, primary_key=True),
        Column("star", Text),
    )
    op.create_index(
        "ix_relations_starred",
        "relations",
        ["account"],
        sqlite_where=text("star IS NOT NULL"),
        postgresql_where=text("star IS NOT NULL"),
    )
    op.create_table(
        "relation_data",
        Column("account", Text, primary_key=True),
        Column("company", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("value", Text, nullable=False),
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        Column("id", Text, primary_key=True),
        Column("hash", LargeBinary, nullable=False),
        Column("account", Text),
        Column("access", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("expires_at_ms", BigInteger),
        Column("last_used_at_ms", BigInteger),
        Column("revoked_at_ms", BigInteger),
        UniqueConstraint("hash", name="uq_api_keys_hash"),
    )
    op.create_index("ix_api_keys_account", "api_keys", ["account", "id"])


def _create_profiles() -> None:
    op.create_table(
        "profiles",
        Column("name", Text, primary_key=True),
        Column("document", Text, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("updated_at_ms", BigInteger, nullable=False),
        Column("removed", Boolean, nullable=False),
    )


def _create_event_types() -> None:
    op.create_table(
        "event_types",
        Column("type", Text, primary_key=True),
        Column("description", Text, nullable=False),
        Column("schema", Text),
        Column("sample", Text),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("updated_at_ms", BigInteger, nullable=False),
    )


def _create_kept_answers() -> None:
    op.create_table(
        "kept_answers",
        Column("owner", Text, primary_key=True),
        Column("idempotency_key", Text, primary_key=True),
        Column("request_hash", LargeBinary, nullable=False),
        Column("status", Integer, nullable=False),
        Column("answer", LargeBinary, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
    )
    op.create_index("ix_kept_answers_created", "kept_answers", ["created_at_ms"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("key", LargeBinary, nullable=False),
        Column("value", LargeBinary),
        Column("is_event", Boolean, nullable=False),
        Column("needs_topic", Boolean, nullable=False),
        Column("delivery_topic", Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_key", "outbox", ["topic", "key"])
    op.create_table(
        "table_positions",
        Column("topic", Text, primary_key=True),
        Column("next_offset", BigInteger, nullable=False),
    )
