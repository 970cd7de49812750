"""Which version a store's schema has, and whether this program knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.errors import StoreUnusable

MIGRATIONS: Final = Path(__file__).parent / "migrations"
VERSION_TABLE: Final = "webhook_pipeline_version"
"""Alembic's own name may be somebody else's in a shared database."""


def known_versions() -> tuple[str, ...]:
    """Those that migrations lead to, the newest last: each file's name begins with its own."""
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def is_current(store: Store) -> bool:
    """Whether nothing is to be migrated. Raises StoreUnusable for a schema that is not known."""
    with store.reading() as connection:
        return is_newest(connection, store.place)


def is_newest(connection: Connection, place: str) -> bool:
    """The same, in a transaction."""
    found, known = _version(connection), known_versions()
    if found is not None and found not in known:
        raise StoreUnusable(
            f"store {place}: written by a newer version of this program (schema {found}; "
            f"this version knows {known[-1]}); upgrade, or name another store"
        )
    return found == known[-1]


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 - a constant
