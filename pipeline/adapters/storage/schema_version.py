"""Which version a store's schema has, and whether this program knows it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.errors import StoreUnusable

MIGRATIONS: Final = Path(__file__).parent / "migrations"
VERSION_TABLE: Final = "webhook_pipeline_version"
"""Alembic's own name may be somebody else's in a shared database."""


FIRST_SERVED: Final = "0007"
"""The oldest schema whose programs run on every newer one that says nothing else."""

log = logging.getLogger(__name__)


def known_versions() -> tuple[str, ...]:
    """Those that migrations lead to, the newest last: each file's name begins with its own."""
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def is_current(store: Store) -> bool:
    """Whether nothing is to be migrated. Raises StoreUnusable for a schema that is not known."""
    with store.reading() as connection:
        return is_newest(connection, store.place)


def is_newest(connection: Connection, place: str) -> bool:
    """The same, in a transaction; also where a newer version has added what is not needed here."""
    found, known = _version(connection), known_versions()
    if found is None or found in known:
        return found == known[-1]
    if not serves(found, known[-1]):
        raise StoreUnusable(
            f"store {place}: written by a newer version of this program (schema {found}; "
            f"this version knows {known[-1]}); upgrade, or name another store"
        )
    log.info("store %s has the schema %s, which adds to %s", place, found, known[-1])
    return True


def serves(found: str, known: str) -> bool:
    """Whether programs that know no more than one schema can run on a newer one.

    A version says it itself: `0012` has only added to `FIRST_SERVED`; `0012.0010` took something
    away, and whoever runs on it has to know 0010. Both are compared by their numbers.
    """
    number, _, least = found.partition(".")
    return number > _number(known) >= (least or FIRST_SERVED)


def _number(version: str) -> str:
    return version.partition(".")[0]


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 - a constant
