"""Looks at a store without making or migrating it."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from pipeline.adapters.storage.engine import connected
from pipeline.adapters.storage.errors import StoreUnusable
from pipeline.adapters.storage.schema_version import is_current


class StoreState(StrEnum):
    """What there is."""

    ABSENT = "absent"
    OLD = "old"
    """Opening it would bring its schema up to date."""
    CURRENT = "current"


def inspected(url: str) -> StoreState:
    """The state of a store that can be written. Raises StoreUnavailable or StoreUnusable."""
    file = _sqlite_file(url)
    if file is not None and not file.exists():
        _check_can_be_made(file)
        return StoreState.ABSENT
    store = connected(url)
    try:
        with store.writing():
            pass  # takes the lock of a writer and lets it go
        return StoreState.CURRENT if is_current(store) else StoreState.OLD
    finally:
        store.close()


def _sqlite_file(url: str) -> Path | None:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None  # `connected` says what is wrong with it
    path = parsed.database
    is_file = (
        parsed.drivername.startswith("sqlite") and path and not path.startswith((":", "file:"))
    )
    return Path(path) if is_file and path else None


def _check_can_be_made(file: Path) -> None:
    folder = file.parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreUnusable(f"store {file}: cannot be made; check the permissions of {folder}")
