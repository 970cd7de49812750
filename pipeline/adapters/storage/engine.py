"""Connections to the store, set up alike for everybody: SQLite in one file, or PostgreSQL."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from pipeline.adapters.storage.errors import StoreUnusable, translated

_POSTGRESQL_NAMES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_SQLITE_NAMES = frozenset({"sqlite", "sqlite+pysqlite"})

# How long a statement waits for a lock before it is StoreUnavailable.
_LOCK_WAIT_SECONDS = 10

# Every wait has an end. Set for each transaction, so that they hold behind a connection pooler too.
_POSTGRESQL_BEGIN = (
    f"SET LOCAL lock_timeout = '{_LOCK_WAIT_SECONDS}s'; SET LOCAL statement_timeout = '60s'"
)


class Durability(StrEnum):
    """What of an SQLite store outlives a power cut; a process's death takes nothing from either."""

    LOG = "NORMAL"
    """All but the last transactions: what they told is read from Kafka again."""
    TRUTH = "FULL"
    """Every transaction, at the price of waiting for the disk (1.4 against 0.7 ms, measured)."""


_SQLITE_PRAGMAS = (
    "PRAGMA cache_size = -32768",  # KiB; ids are scattered, so inserts touch pages everywhere
    "PRAGMA wal_autocheckpoint = 16384",  # pages, 64 MiB: each page is written back less often
    "PRAGMA journal_size_limit = 134217728",  # bytes: the log shrinks again after a burst
    "PRAGMA temp_store = MEMORY",
)


@dataclass(frozen=True, slots=True)
class Store:
    """An open store; may be used by several threads."""

    engine: Engine
    place: str
    """Where it is, as people are told: a path, or an address without its password."""

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One transaction that sees one moment. Raises StoreUnavailable or StoreUnusable."""
        with translated(self.place), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """One transaction, all or nothing. Raises StoreUnavailable or StoreUnusable."""
        with translated(self.place), self.engine.connect() as connection:
            # SQLite: take the write lock first; a reader that becomes a writer may have to fail.
            connection.execution_options(sqlite_begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    def close(self) -> None:
        self.engine.dispose()


def connected(url: str, *, durability: Durability = Durability.LOG) -> Store:
    """A store whose schema nobody has looked at yet. Raises StoreUnusable for a wrong `url`."""
    parsed = _parsed(url)
    if parsed.drivername in _SQLITE_NAMES:
        return _sqlite(parsed, durability)
    if parsed.drivername in _POSTGRESQL_NAMES:
        return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise StoreUnusable(
        f"store.url: {parsed.drivername!r} is not supported; "
        "use sqlite:///<path> or postgresql://<user>:<password>@<host>/<database>"
    )


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as exc:
        # The text may hold a password, and the exception quotes it.
        raise StoreUnusable(
            "store.url: not a URL; use sqlite:///<path> or postgresql://<user>:<password>@<host>/<database>"
        ) from exc.with_traceback(None)


def _sqlite(url: URL, durability: Durability) -> Store:
    if url.database in (None, "", ":memory:"):
        raise StoreUnusable(
            "store.url: a store in memory would be empty after each start; name a file"
        )
    place = str(url.database)
    if not place.startswith("file:"):
        _create_privately(Path(place))
    with translated(place):
        engine = create_engine(url, connect_args=_with_lock_wait(url), hide_parameters=True)
    event.listen(engine, "connect", partial(_prepare_sqlite, durability))
    event.listen(engine, "begin", _begin_sqlite)
    return Store(engine, place)


def _create_privately(path: Path) -> None:
    """The file tells of customers: its owner alone may read it, and SQLite's log beside it.

    One that is there is not opened: closing it would take from this process every lock that SQLite
    holds on it (POSIX), and another process would delete the log under its hands.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        _check_writable(path)
    except OSError as exc:
        raise _unopened(path, str(exc.strerror)) from exc


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise _unopened(path, os.strerror(errno.EISDIR))
    if not os.access(path, os.R_OK | os.W_OK):
        raise _unopened(path, os.strerror(errno.EACCES))


def _unopened(path: Path, why: str) -> StoreUnusable:
    return StoreUnusable(
        f"store {path}: cannot be opened for writing ({why}); "
        "check the path and the permissions of the file and its folder"
    )


def _with_lock_wait(url: URL) -> dict[str, float]:
    return {} if "timeout" in url.query else {"timeout": _LOCK_WAIT_SECONDS}


def _prepare_sqlite(
    durability: Durability, connection: DBAPIConnection, _entry: ConnectionPoolEntry
) -> None:
    connection.isolation_level = None  # sqlite3 must not begin transactions of its own; we do
    cursor = connection.cursor()
    for pragma in (f"PRAGMA synchronous = {durability}", *_SQLITE_PRAGMAS):
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    if statement is not None:
        connection.exec_driver_sql(statement)


def _postgresql(url: URL) -> Store:
    place = url.set(drivername="postgresql").render_as_string(hide_password=True)
    wait = {} if "connect_timeout" in url.query else {"connect_timeout": _LOCK_WAIT_SECONDS}
    try:
        with translated(place):
            engine = create_engine(
                url,
                connect_args=wait,
                hide_parameters=True,
                isolation_level="READ COMMITTED",
                pool_pre_ping=True,  # a server that restarted costs nobody an error
            )
    except (ModuleNotFoundError, NoSuchModuleError) as exc:
        raise StoreUnusable(
            "store.url: PostgreSQL needs psycopg; install webhook-pipeline[postgres]"
        ) from exc
    event.listen(engine, "begin", _begin_postgresql)
    return Store(engine, place)


def _begin_postgresql(connection: Connection) -> None:
    connection.exec_driver_sql(_POSTGRESQL_BEGIN)
