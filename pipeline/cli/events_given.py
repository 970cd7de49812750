"""The events that a command is given, in files or on standard input; what is wrong with them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from pipeline.cli.endings import BadInput
from pipeline.cli.event_files import JsonDocument, documents_of
from pipeline.clock import now_ms
from pipeline.domain.document import DocumentError
from pipeline.domain.event_document import EventDocument, read_event_document
from pipeline.domain.identifiers import new_id

STDIN: Final = "-"
_STDIN_SHOWN: Final = "standard input"
_MOST_SHOWN: Final = 20
"""Mistakes: a file of the wrong kind is wrong in every line."""
_ENTROPY_BYTES: Final = 10


def is_file(name: str) -> bool:
    """Whether it can be read twice, unlike a pipe. Raises BadInput if it is not there."""
    if name == STDIN:
        return False
    try:
        return stat.S_ISREG(Path(name).stat().st_mode)
    except OSError as exc:
        raise BadInput(f"{name}: {exc.strerror}") from exc


def check_files(names: Sequence[str]) -> int:
    """How many events files have, all of them good. Raises BadInput for all that is wrong."""
    wrong: list[str] = []
    count = 0
    for name in names:
        found = 0
        for problem in _problems(name):
            found += 1
            wrong += problem
            if len(wrong) >= _MOST_SHOWN:
                raise BadInput(*wrong, "and perhaps more; nothing was sent")
        if not found:
            wrong.append(f"{name}: empty; write an event as an object with account, type and data")
        count += found
    if wrong:
        raise BadInput(*wrong, "nothing was sent")
    return count


def events_of(names: Iterable[str]) -> Iterator[EventDocument]:
    """All events, read as they are taken. Raises BadInput at the first that is none."""
    for name in names:
        with _opened(name) as stream:
            yield from map(_event_of, documents_of(stream, _STDIN_SHOWN if name == STDIN else name))


def _problems(name: str) -> Iterator[list[str]]:
    """What is wrong with each document of a file."""
    with _opened(name) as stream:
        try:
            for document in documents_of(stream, name):
                try:
                    _event_of(document)
                except BadInput as exc:
                    yield [*exc.lines]
                else:
                    yield []
        except BadInput as exc:
            yield [*exc.lines]


def _event_of(document: JsonDocument) -> EventDocument:
    now = now_ms()
    fresh_id = new_id("evt", now_ms=now, entropy=os.urandom(_ENTROPY_BYTES))
    try:
        return read_event_document(document.content, new_id=fresh_id, now_ms=now)
    except DocumentError as exc:
        raise BadInput(f"{document.place}: {exc}") from exc


def _opened(name: str) -> BinaryIO:
    try:
        return (
            os.fdopen(os.dup(sys.stdin.fileno()), "rb") if name == STDIN else Path(name).open("rb")
        )
    except OSError as exc:
        raise BadInput(f"{name}: {exc.strerror}") from exc
