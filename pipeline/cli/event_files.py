"""JSON documents in files and streams: one, several, on lines or in an array, and their places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json import JSONDecodeError
from typing import BinaryIO, Final, NamedTuple

import msgspec

from pipeline.cli.endings import BadInput

MOST_LINE_BYTES: Final = 4 * 1024 * 1024
"""Of a line that is a document: an event's data have at most 1 MiB."""
MOST_WHOLE_BYTES: Final = 64 * 1024 * 1024
"""Of what has to be read whole: an array, or documents over several lines."""

# Numbers stay text, for only their place is wanted here.
_SCANNER: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)
_WHITE_SPACE: Final = " \t\r\n"


class JsonDocument(NamedTuple):
    """One document."""

    place: str
    """`<name>:<line>`."""
    content: bytes


def documents_of(stream: BinaryIO, name: str) -> Iterator[JsonDocument]:
    """The documents of a stream, each as soon as it has come where a line is a document.

    Raises:
        BadInput: it is not JSON, or too long to be read; the line is named.
    """
    number, line = 0, b""
    while not line.strip():
        number, line = number + 1, _next_line(stream, f"{name}:{number + 1}")
        if not line:
            return
    if line.lstrip().startswith(b"{") and _is_whole(line):
        yield JsonDocument(f"{name}:{number}", line.strip())
        yield from _lines(stream, name, number)
    else:
        rest = stream.read(MOST_WHOLE_BYTES - len(line) + 1)
        yield from _whole(line + rest, name, lines_before=number - 1)


def _lines(stream: BinaryIO, name: str, number: int) -> Iterator[JsonDocument]:
    while line := _next_line(stream, f"{name}:{number + 1}"):
        number += 1
        if line.strip():
            yield JsonDocument(f"{name}:{number}", line.strip())


def _next_line(stream: BinaryIO, place: str) -> bytes:
    line = stream.readline(MOST_LINE_BYTES + 1)
    if len(line) > MOST_LINE_BYTES and not line.lstrip().startswith(b"["):
        raise BadInput(
            f"{place}: the line has more than {MOST_LINE_BYTES} bytes; no event is so long"
        )
    return line


def _is_whole(line: bytes) -> bool:
    try:
        _ANY_JSON.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _whole(content: bytes, name: str, *, lines_before: int) -> Iterator[JsonDocument]:
    if len(content) > MOST_WHOLE_BYTES:
        raise BadInput(
            f"{name}: more than {MOST_WHOLE_BYTES} bytes in one piece; write an event on each line"
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as exc:
        line = lines_before + content.count(b"\n", 0, exc.start) + 1
        raise BadInput(f"{name}:{line}: not UTF-8") from exc
    try:
        for start, end in _spans(text):
            line = lines_before + text.count("\n", 0, start) + 1
            yield JsonDocument(f"{name}:{line}", text[start:end].encode())
    except JSONDecodeError as exc:
        raise BadInput(f"{name}:{lines_before + exc.lineno}: not JSON: {exc.msg}") from exc
    except RecursionError as exc:
        raise BadInput(f"{name}: nested too deep") from exc


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each document lies: the items of an array, or what stands one after the other."""
    at = _skip(text, 0)
    is_array = text.startswith("[", at)
    if is_array:
        at = _skip(text, at + 1)
        if text.startswith("]", at):
            return
    while at < len(text):
        _, end = _SCANNER.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)
        if is_array:
            if text.startswith("]", at):
                _refuse_rest(text, _skip(text, at + 1))
                return
            if not text.startswith(",", at):
                raise JSONDecodeError("a comma or ] is missing after this event", text, end)
            at = _skip(text, at + 1)
    if is_array:
        raise JSONDecodeError("the array does not end", text, len(text))


def _refuse_rest(text: str, at: int) -> None:
    if at < len(text):
        raise JSONDecodeError("something follows the array", text, at)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE_SPACE:
        at += 1
    return at
