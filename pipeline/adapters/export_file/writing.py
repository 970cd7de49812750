"""Writes an export file: JSON lines, aside and under its name only once it is whole."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

import msgspec

from pipeline.adapters.export_file.lines import FORMAT, EndLine, HeadLine, line_of
from pipeline.moving import MovedEntry, kind_of

_FOR_ITS_OWNER: Final = 0o600


class NotWritten(Exception):
    """There is no such file now; the text says why."""


def write_export(path: Path, entries: Iterable[MovedEntry], *, made_at: str) -> Mapping[str, int]:
    """How many of each kind. Readable by its owner alone; one that is there is replaced.

    Raises:
        NotWritten: it cannot be made, or not to its end. What `entries` raises comes through.
    """
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FOR_ITS_OWNER)
            with os.fdopen(descriptor, "wb") as stream:
                counts = _written(stream, entries, made_at=made_at)
                stream.flush()
                os.fsync(descriptor)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as exc:
        raise NotWritten(f"{path}: {exc.strerror}") from exc
    return counts


def _written(stream: BinaryIO, entries: Iterable[MovedEntry], *, made_at: str) -> Mapping[str, int]:
    digest, encoder = sha256(), msgspec.json.Encoder()
    counts: Counter[str] = Counter()

    def write(line: msgspec.Struct) -> None:
        text = encoder.encode(line) + b"\n"
        digest.update(text)
        stream.write(text)

    write(HeadLine(FORMAT, made_at))
    for entry in entries:
        write(line_of(entry))
        counts[kind_of(entry)] += 1
    write(EndLine(counts.total(), digest.hexdigest()))
    return counts
