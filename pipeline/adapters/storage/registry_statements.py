"""What is asked of the registry's tables, written so that an index serves it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Update

from pipeline.adapters.storage.registry_rows import Values
from pipeline.adapters.storage.tables import (
    IS_LIVE_ENDPOINT,
    accounts,
    api_keys,
    endpoints,
    relation_data,
    relations,
)

Page = Select[*tuple[Any, ...]]
Count = Select[int]

OUTBOX_LOCK: Final = "outbox"
TOPICS_LOCK: Final = "topics"
TURN_LOCK: Final = "turn"


def upsert(connection: Connection, table: Table, values: Values) -> None:
    """Write a row, whether it was there or not."""
    statement = _insert(connection, table).values(values)
    key = [column.name for column in table.primary_key]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=key,
            set_={name: statement.excluded[name] for name in values if name not in key},
        )
    )


def insert_new(connection: Connection, table: Table, values: Values) -> bool:
    """Write a row if there is none with its key; whether there was none."""
    statement = _insert(connection, table).values(values).on_conflict_do_nothing()
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def lock(connection: Connection, kind: str, name: str = "") -> None:
    """Wait for what this names, until the end of the transaction.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name != "sqlite":
        number = lock_number(kind, name)
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def lock_number(kind: str, name: str = "") -> int:
    """PostgreSQL names a lock by 64 bits; two that get the same only wait for one another."""
    content = f"webhook-pipeline\0{kind}\0{name}".encode(errors="replace")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), signed=True)


def page(table: Table, key: Column[str], *, after: str, limit: int) -> Page:
    """The rows behind a key, in the order of that key."""
    return select(table).where(key > after).order_by(key).limit(limit)


def live_endpoints(account: str | None, *, after: str, limit: int) -> Page:
    rows = page(endpoints, endpoints.c.id, after=after, limit=limit).where(IS_LIVE_ENDPOINT)
    return rows if account is None else rows.where(endpoints.c.account == account)


def live_accounts(*, after: str, limit: int) -> Page:
    return page(accounts, accounts.c.id, after=after, limit=limit).where(~accounts.c.removed)


def keys_of(account: str | None, *, after: str, limit: int) -> Page:
    rows = page(api_keys, api_keys.c.id, after=after, limit=limit)
    return rows if account is None else rows.where(api_keys.c.account == account)


def relations_of(account: str, *, after: str, limit: int) -> Page:
    rows = page(relations, relations.c.company, after=after, limit=limit)
    return rows.where(relations.c.account == account)


def data_of(account: str, *, first: str, last: str) -> Page:
    """The data with companies from the first to the last."""
    its = relation_data.c
    companies = its.company.between(first, last)
    return select(its.company, its.key, its.value).where(its.account == account, companies)


def count(table: Table, *conditions: ColumnElement[bool]) -> Count:
    return select(func.count()).select_from(table).where(*conditions)


def count_live_endpoints(*conditions: ColumnElement[bool]) -> Count:
    return count(endpoints, *conditions).where(IS_LIVE_ENDPOINT)


def counted(connection: Connection, counts: Sequence[Count]) -> int:
    """All of them together."""
    return sum(connection.execute(each).scalar_one() for each in counts)


def note_use(key_id: str, used_at_ms: int) -> Update:
    its = api_keys.c
    is_later = its.last_used_at_ms.is_(None) | (its.last_used_at_ms < used_at_ms)
    key = update(api_keys).where(its.id == key_id, is_later)
    return key.values(last_used_at_ms=used_at_ms)
