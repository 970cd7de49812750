"""Picks from the broker's logs what tells a reader why it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 256 * 1024
_MOST_LINES: Final = 15
_MOST_CHARACTERS: Final = 300
_ENTRY: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\S+ +([A-Z]+) ")
_FAULTS: Final = frozenset({"ERROR", "FATAL"})


def size_of(path: Path) -> int:
    """Where the file ends now; 0 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def excerpt(log: Path, *, since: int, output: Path) -> str:
    """The errors logged after the position `since`, else the last lines; then the Java's output."""
    lines = _tail(log, since=since).splitlines()
    chosen = list(_faults(lines)) or lines
    said = _tail(output, since=0).splitlines()
    return "\n".join(
        line[:_MOST_CHARACTERS] for line in [*chosen[-_MOST_LINES:], *said[-_MOST_LINES:]]
    )


def _tail(path: Path, *, since: int) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            begin = since if since <= size else 0  # it was rotated meanwhile
            file.seek(max(begin, size - _READ_BYTES))
            return file.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _faults(lines: list[str]) -> Iterator[str]:
    """Each error with the exceptions below it, without the frames."""
    inside = False
    for line in lines:
        entry = _ENTRY.match(line)
        if entry is not None:
            inside = entry.group(1) in _FAULTS
        if inside and not line.startswith("\t"):
            yield line
