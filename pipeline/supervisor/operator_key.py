"""The operator's first key, made where none is set and kept for its owner's eyes only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

_PREFIX: Final = "op_"
_KEY_BYTES: Final = 32
_LONGEST_KEY_BYTES: Final = 1024


class UnusableOperatorKey(Exception):
    """The file can neither be read nor made, or holds no key; the text says why and what to do."""


class OperatorKey(NamedTuple):
    key: str
    path: Path
    is_new: bool
    """Whether it was made just now: then it is shown."""


def ensure_operator_key(data_dir: Path) -> OperatorKey:
    """The key in the data folder; made the first time. Processes that start together get the same.

    Raises:
        UnusableOperatorKey: see there.
    """
    path = operator_key_file(data_dir)
    try:
        is_new = not path.exists() and _make(path)
        with path.open("rb") as file:
            key = file.read(_LONGEST_KEY_BYTES).decode("ascii", "replace").strip()
    except OSError as exc:
        raise UnusableOperatorKey(f"{path}: {exc.strerror}") from exc
    if not key or not key.isprintable():
        raise UnusableOperatorKey(f"{path}: holds no key; remove the file and a new one is made")
    return OperatorKey(key, path, is_new)


def operator_key_file(data_dir: Path) -> Path:
    """Where the key lies that was made because none is set."""
    return data_dir / "operator.key"


def _make(path: Path) -> bool:
    """Never half of it, and never over another's: written aside, then linked to its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_PREFIX + secrets.token_urlsafe(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(descriptor)
        path.hardlink_to(aside)
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    return True
