"""Reads an export file line by line; nothing of it is believed before all of it was checked."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from pipeline.adapters.export_file.lines import FORMAT, AnyLine, EndLine, HeadLine, entry_of
from pipeline.moving import MovedEntry

MAX_LINE_BYTES: Final = 8 * 1024 * 1024


class ExportFileError(Exception):
    """A file cannot be imported: each line of the text is file, line, and what to mend."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Read(NamedTuple):
    """One thing, and where it stands."""

    line: int
    entry: MovedEntry


class _AnyHead(msgspec.Struct):
    """What every format begins with."""

    kind: str = ""
    format: int = 0


def read_export(path: Path) -> Generator[Read]:
    """Everything in it, in its order; that it was whole is known once the last one was given.

    Raises:
        ExportFileError: it cannot be read, is no export file or of a newer version, was cut short
            or edited.
    """
    try:
        with path.open("rb") as stream:
            yield from _entries(path, stream)
    except OSError as exc:
        raise ExportFileError(f"{path}: {exc.strerror}") from exc


def _entries(path: Path, stream: BinaryIO) -> Iterator[Read]:
    decoder = msgspec.json.Decoder(AnyLine)
    digest = sha256()
    number = count = 0
    end: EndLine | None = None
    while text := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if end is not None:
            raise ExportFileError(f"{path}:{number}: something follows the end")
        if len(text) > MAX_LINE_BYTES:
            raise ExportFileError(f"{path}:{number}: longer than {MAX_LINE_BYTES} bytes")
        if number == 1:
            _check_head(path, text)
        try:
            line = decoder.decode(text)
            if isinstance(line, EndLine):
                end = line
                continue
            digest.update(text)
            if isinstance(line, HeadLine):
                continue
            entry = entry_of(line)
        except (msgspec.MsgspecError, ValueError, TypeError) as exc:
            raise ExportFileError(f"{path}:{number}: {exc}") from exc
        count += 1
        yield Read(number, entry)
    _check_end(path, end, (count, digest.hexdigest()))


def _check_head(path: Path, text: bytes) -> None:
    try:
        head = msgspec.json.decode(text, type=_AnyHead)
    except msgspec.MsgspecError:
        head = _AnyHead()
    if head.kind != "export":
        raise ExportFileError(
            f"{path}:1: not an export file: make one with `pipeline export {path.name}`"
        )
    if head.format != FORMAT:
        raise ExportFileError(
            f"{path}:1: format {head.format}, and this version reads {FORMAT}: import it with the"
            " version that wrote it, or a newer one"
        )


def _check_end(path: Path, end: EndLine | None, found: tuple[int, str]) -> None:
    if end is None:
        raise ExportFileError(f"{path}: it was cut short: its last line is missing; export again")
    if (end.entries, end.sha256) != found:
        raise ExportFileError(
            f"{path}: edited or damaged: it does not add up to what its last line says; export"
            " again, and change things after the import, through the API"
        )
