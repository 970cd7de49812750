"""The two ways in which the store fails, and which failure of a driver is which."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pipeline.ports import StoreFailed


class StoreUnavailable(StoreFailed):
    """Not now: locked, full, out of reach. Nothing was written; try the same again later."""


class StoreUnusable(StoreFailed):
    """Not without help: no database of ours, too new, not permitted. Nothing was written."""


_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "it is locked by another process",
    sqlite3.SQLITE_LOCKED: "it is locked by another connection",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_INTERRUPT: "the work was interrupted",
}
_SQLITE_UNUSABLE = {
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; name another file or move it away",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it, or move it away to begin a new one",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the path and its permissions",
    sqlite3.SQLITE_PERM: "access is denied; check the permissions of the file and its folder",
    sqlite3.SQLITE_READONLY: "it is read-only; check the permissions of the file and its folder",
    sqlite3.SQLITE_AUTH: "access is denied; check the permissions of the file",
}
_SQLITE_PRIMARY_CODE = 0xFF  # the higher bits of a code only say more exactly what happened

# Classes of SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL_UNAVAILABLE = {
    "08": "the connection failed",
    "25": "the server takes no writes at the moment",
    "40": "another transaction was in the way",
    "53": "the server is out of disk, memory or connections",
    "55": "a lock was not to be had in time",
    "57": "the server stopped the work or is not ready",
    "58": "the server's disk failed",
}


@contextmanager
def translated(place: str) -> Generator[None]:
    """Raise a driver's failures as StoreUnavailable or StoreUnusable, naming `place`."""
    try:
        yield
    except PoolTimeout as exc:
        raise StoreUnavailable(f"store {place}: every connection is in use; try again") from exc
    except DBAPIError as exc:
        raise _translation(exc, place) from exc
    except SQLAlchemyError as exc:
        raise StoreUnusable(f"store {place}: {exc}") from exc


def _translation(exc: DBAPIError, place: str) -> StoreUnavailable | StoreUnusable:
    cause = exc.orig
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _of_sqlite(code & _SQLITE_PRIMARY_CODE, cause, place)
    state = getattr(cause, "sqlstate", None)
    reason = _POSTGRESQL_UNAVAILABLE.get(state[:2]) if isinstance(state, str) else None
    if reason is not None:
        return StoreUnavailable(f"store {place}: {reason} ({_first_line(cause)})")
    # A connection that could not be made has no SQLSTATE.
    if exc.connection_invalidated or (state is None and isinstance(exc, OperationalError)):
        return StoreUnavailable(f"store {place}: cannot be reached ({_first_line(cause)})")
    return StoreUnusable(f"store {place}: {_first_line(cause)}")


def _of_sqlite(code: int, cause: object, place: str) -> StoreUnavailable | StoreUnusable:
    if code in _SQLITE_UNAVAILABLE:
        return StoreUnavailable(f"store {place}: {_SQLITE_UNAVAILABLE[code]} ({cause})")
    reason = _SQLITE_UNUSABLE.get(code)
    return StoreUnusable(
        f"store {place}: {reason} ({cause})" if reason else f"store {place}: {cause}"
    )


def _first_line(cause: object) -> str:
    """Without the details, which quote rows."""
    return str(cause).strip().partition("\n")[0]
