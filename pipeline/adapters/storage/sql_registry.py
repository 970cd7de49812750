"""The registry over SQLAlchemy Core: SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.registry_transaction import RegistryTransaction
from pipeline.domain.audit import Author


class SqlRegistry:
    """Implements `Registry`. May be used by several threads and processes at once.

    Raises StoreUnavailable (nothing was written; try again later) or StoreUnusable.
    """

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def reading(self) -> Generator[RegistryTransaction]:
        with self._store.reading() as connection:
            if connection.dialect.name == "postgresql":
                # Otherwise each statement would see a moment of its own.
                connection.exec_driver_sql(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
            yield RegistryTransaction(connection)

    @contextmanager
    def writing(self, by: Author | None = None) -> Generator[RegistryTransaction]:
        with self._store.writing() as connection:
            yield RegistryTransaction(connection, by)
