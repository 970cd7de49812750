"""The data folder as `up` holds it: one process at a time, and only what this version reads."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from pipeline.adapters.embedded_kafka.file_locks import FileLock

FORMAT: Final = 1
"""Of what lies in the folder; raised where a version cannot go on with what one before it left."""

_LOCK: Final = "up.lock"
_FORMAT_FILE: Final = "format.json"
_UNKNOWN_VERSION: Final = "unknown"


class FolderRefused(Exception):
    """The data folder cannot be used; the text says why and what helps."""


class _Format(msgspec.Struct, frozen=True):
    format: int
    version: str


@contextmanager
def held_folder(folder: Path) -> Generator[None]:
    """Make the folder if it is not there, and hold it.

    Raises:
        FolderRefused: another process holds it, it was made by another version, or it cannot be
            written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock.try_acquire(folder / _LOCK)
    except OSError as exc:
        raise FolderRefused(
            f"the data folder {folder} cannot be used: {exc}; set PIPELINE_DATA_DIR to another one"
        ) from exc
    if lock is None:
        raise FolderRefused(
            f"{_owner(folder)} runs with the data folder {folder} already; "
            "stop it, or set PIPELINE_DATA_DIR to another folder"
        )
    with lock:
        _check_format(folder)
        os.ftruncate(lock.fd, 0)
        os.pwrite(lock.fd, str(os.getpid()).encode(), 0)
        yield
        os.ftruncate(lock.fd, 0)


def _owner(folder: Path) -> str:
    try:
        return f"process {int((folder / _LOCK).read_text('ascii'))}"
    except (OSError, ValueError):
        return "another process"


def _check_format(folder: Path) -> None:
    path = folder / _FORMAT_FILE
    try:
        written = msgspec.json.decode(path.read_bytes(), type=_Format)
    except FileNotFoundError:
        _write_format(path)
        return
    except (OSError, msgspec.MsgspecError) as exc:
        raise FolderRefused(
            f"{path}, which says what the data folder was made by, cannot be read: {exc}; "
            "put it back, or set PIPELINE_DATA_DIR to a new folder"
        ) from exc
    if written.format != FORMAT:
        raise FolderRefused(
            f"the data folder {folder} was made by version {written.version} (format "
            f"{written.format}), and this is version {_version()} (format {FORMAT}); go on with "
            "the version that made it, or set PIPELINE_DATA_DIR to a new folder"
        )


def _write_format(path: Path) -> None:
    part = path.with_suffix(".part")
    try:
        part.write_bytes(msgspec.json.encode(_Format(FORMAT, _version())) + b"\n")
        part.replace(path)
    except OSError as exc:
        raise FolderRefused(
            f"the data folder {path.parent} cannot be written: {exc}; "
            "set PIPELINE_DATA_DIR to another one"
        ) from exc


def _version() -> str:
    try:
        return version("webhook-pipeline")
    except PackageNotFoundError:
        return _UNKNOWN_VERSION
