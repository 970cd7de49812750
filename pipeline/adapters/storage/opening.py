"""Opens the store and brings its schema up to date, whoever else does the same at this moment."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import import_module
from threading import Event
from time import monotonic

from sqlalchemy.exc import OperationalError

from pipeline.adapters.storage.engine import Durability, Store, connected
from pipeline.adapters.storage.errors import StoreUnusable, translated
from pipeline.adapters.storage.schema_version import is_current

# Alembic takes longer to load than all else of the store, and hardly any process needs it.
_MIGRATING = "pipeline.adapters.storage.migrating"

_WAL_WAIT_SECONDS = 10.0
_WAL_RETRY_SECONDS = 0.02


def open_store(url: str, *, durability: Durability = Durability.LOG) -> Store:
    """Open the store at `url`, created or migrated where that is needed.

    `sqlite:///<path>` or `postgresql://...`. Raises StoreUnusable (not a database, written by a
    newer version, not permitted) or StoreUnavailable (locked, full, out of reach).
    """
    store = connected(url, durability=durability)
    with ExitStack() as unless_usable:
        unless_usable.callback(store.close)
        if store.engine.dialect.name == "sqlite":
            _use_write_ahead_log(store)
        if not is_current(store):
            import_module(_MIGRATING).migrate(store)
        unless_usable.pop_all()
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
        if connection.exec_driver_sql("PRAGMA page_count").scalar_one() == 0:
            # It can then shrink, a little at a time (StoreArchive.release); decided once.
            connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
        return str(connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar_one())
