"""Sample records that a command is given, in files or on standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from pipeline.cli.endings import BadInput
from pipeline.cli.event_files import JsonDocument, documents_of

STDIN: Final = "-"
MOST_BYTES: Final = 64 * 1024 * 1024
_STDIN_SHOWN: Final = "standard input"
_JSON_BEGINS: Final = (b"{", b"[")


def sample_values(names: Sequence[str]) -> Iterator[JsonDocument]:
    """The value of each record: the documents of JSON, and every other file as it is.

    Raises BadInput: a file cannot be read, is empty, or begins as JSON and is none.
    """
    for name in names:
        shown = _STDIN_SHOWN if name == STDIN else name
        content = _content(name, shown)
        if not content:
            raise BadInput(f"{shown}: empty: give the value of a record")
        if content.lstrip().startswith(_JSON_BEGINS):
            yield from documents_of(BytesIO(content), shown)
        else:
            yield JsonDocument(shown, content)


def headers_given(given: Sequence[str]) -> list[tuple[str, bytes | None]]:
    """`NAME=VALUE` each. Raises BadInput."""
    headers: list[tuple[str, bytes | None]] = []
    for one in given:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise BadInput(f"--header {one}: write NAME=VALUE")
        headers.append((name, value.encode(errors="surrogateescape")))
    return headers


def _content(name: str, shown: str) -> bytes:
    try:
        if name == STDIN:
            content = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise BadInput(f"{shown}: {exc.strerror}") from exc
    if len(content) > MOST_BYTES:
        raise BadInput(f"{shown}: more than {MOST_BYTES} bytes: give fewer samples")
    return content
