"""Opens the store and brings its schema up to date, whoever else does the same at this moment."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event
from time import monotonic

# Alembic tells its own steps, the first ones while it is imported; a warning of it is still heard.
logging.getLogger("alembic").setLevel(logging.WARNING)

# ruff: noqa: E402 - after the line above
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from pipeline.adapters.storage.engine import Durability, Store, connected
from pipeline.adapters.storage.errors import StoreUnusable, translated

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = (
    "webhook_pipeline_version"  # Alembic's own name may be somebody else's in a shared database
)
_MIGRATION_LOCK = 0x77686B70  # any number, the same for all who migrate this store

_WAL_WAIT_SECONDS = 10.0
_WAL_RETRY_SECONDS = 0.02


def open_store(url: str, *, durability: Durability = Durability.LOG) -> Store:
    """Open the store at `url`, created or migrated where that is needed.

    `sqlite:///<path>` or `postgresql://...`. Raises StoreUnusable (not a database, written by a
    newer version, not permitted) or StoreUnavailable (locked, full, out of reach).
    """
    store = connected(url, durability=durability)
    try:
        if store.engine.dialect.name == "sqlite":
            _use_write_ahead_log(store)
        if not _is_current(store):
            _migrate(store)
    except BaseException:
        store.close()
        raise
    return store


def _use_write_ahead_log(store: Store) -> None:
    """Readers then never wait for the writer. Kept in the file: only the first to open sets it."""
    with translated(store.place):
        mode = _journal_mode(store, until=monotonic() + _WAL_WAIT_SECONDS)
    if mode != "wal":
        raise StoreUnusable(
            f"store {store.place}: SQLite cannot keep a write-ahead log there "
            f"(it answered {mode!r}); use a local disk, not a network share"
        )


def _journal_mode(store: Store, *, until: float) -> str:
    """SQLite does not wait for locks when it changes the mode, so we do."""
    while True:
        try:
            return _set_wal(store)
        except OperationalError as exc:
            if "locked" not in str(exc.orig) or monotonic() >= until:
                raise
        Event().wait(_WAL_RETRY_SECONDS)


def _set_wal(store: Store) -> str:
    with store.engine.connect() as connection:
        # The mode may be changed outside a transaction alone.
        connection.execution_options(sqlite_begin=None)
        return str(connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar_one())


def _is_current(store: Store) -> bool:
    with store.reading() as connection:
        return _is_head(connection, store.place)


def _is_head(connection: Connection, place: str) -> bool:
    """Whether nothing is to be migrated. Raises StoreUnusable for a schema that we do not know."""
    found = _revision(connection)
    scripts = ScriptDirectory(str(_MIGRATIONS))
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise StoreUnusable(
            f"store {place}: written by a newer version of this program (schema {found}; "
            f"this version knows {max(known)}); upgrade, or name another store"
        )
    return found == scripts.get_current_head()


def _revision(connection: Connection) -> str | None:
    options = {"version_table": _VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _migrate(store: Store) -> None:
    """One transaction, so that a half-migrated schema does not exist; one process at a time."""
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"
            )
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        if _is_head(connection, store.place):
            return  # somebody else was faster
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = _VERSION_TABLE
        command.upgrade(config, "head")
