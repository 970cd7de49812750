"""The store of whoever judges endpoints, over SQLAlchemy Core: SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, replace

from sqlalchemy import Connection, delete, select, text

from pipeline.adapters.storage import registry_statements as statements
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.registry_transaction import RegistryTransaction
from pipeline.adapters.storage.watch_tables import IS_WATCHED, owner_notices, watched_endpoints
from pipeline.adapters.storage.watched_rows import locked, put_watched, watched_of
from pipeline.watching import OwnerNotice, Watched

# Several conditions that stand beside another one.
_IS_WATCHED = text(f"({IS_WATCHED.text})")


class SqlWatch:
    """Implements `WatchStore`. Raises StoreUnavailable or StoreUnusable."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def watched(self, *, after: str, limit: int) -> list[Watched]:
        its = watched_endpoints.c.endpoint
        page = statements.page(watched_endpoints, its, after=after, limit=limit)
        with self._store.reading() as connection:
            return [watched_of(row) for row in connection.execute(page.where(_IS_WATCHED))]

    @contextmanager
    def deciding(self) -> Generator[WatchTransaction]:
        with self._store.writing() as connection:
            yield WatchTransaction(connection)

    def notices(self, *, now_ms: int, limit: int) -> list[OwnerNotice]:
        its = owner_notices.c
        due = select(owner_notices).where(its.due_at_ms <= now_ms)
        with self._store.reading() as connection:
            rows = connection.execute(due.order_by(its.due_at_ms, its.id).limit(limit))
            return [OwnerNotice(*row) for row in rows]

    def put_off(self, notice: OwnerNotice) -> None:
        with self._store.writing() as connection:
            later = replace(notice, tries=notice.tries + 1)
            statements.upsert(connection, owner_notices, asdict(later))

    def remove_notice(self, notice_id: str) -> None:
        with self._store.writing() as connection:
            connection.execute(delete(owner_notices).where(owner_notices.c.id == notice_id))


class WatchTransaction:
    """Implements `WatchWriter`."""

    __slots__ = ("_connection", "registry")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.registry = RegistryTransaction(connection)

    def lock(self, endpoint_id: str) -> Watched:
        return locked(self._connection, [endpoint_id]).get(endpoint_id, Watched(endpoint_id))

    def put(self, watched: Watched) -> None:
        put_watched(self._connection, [watched])

    def add_notice(self, notice: OwnerNotice) -> None:
        statements.upsert(self._connection, owner_notices, asdict(notice))
