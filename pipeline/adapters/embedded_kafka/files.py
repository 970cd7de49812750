"""Writing files so that a reader finds the old content or the new, also after a crash."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step. One process at a time: the caller holds a lock."""
    partial = path.with_name(f"{path.name}.part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def flush_to_disk(path: Path) -> None:
    """Return once the content of the file survives a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
