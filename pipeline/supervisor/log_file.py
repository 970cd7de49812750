"""Log files of child processes: bounded while they are written to, and their last line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

LARGEST_LOG_BYTES: Final = 16 * 1024 * 1024

_END_BYTES: Final = 4096
_LONGEST_LINE_CHARS: Final = 300


def bound_log(path: Path) -> None:
    """Move a log that is larger than 16 MiB aside, over the one before, while others append to it.

    What is written between the copy and the cut is lost: it is a log. Does nothing where the files
    cannot be written; their writer will say so.
    """
    try:
        if path.stat().st_size > LARGEST_LOG_BYTES:
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)
    except OSError:
        pass


def last_line(path: Path) -> str:
    """The last line that is not empty, its control characters escaped; empty if there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(path.stat().st_size - _END_BYTES, 0))
            text = log.read(_END_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1] if lines else ""
    return (line if line.isprintable() else ascii(line)[1:-1])[:_LONGEST_LINE_CHARS]
