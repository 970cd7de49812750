"""How JSON is written: as it came without its white space, or as JavaScript or PHP writes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from pipeline.domain.body_problem import UndecodableBody
from pipeline.domain.javascript_json import as_javascript_writes
from pipeline.domain.php_json import as_php_writes

MAX_DEPTH: Final = 128
"""Levels of arrays and objects in an event's data: what common receivers still parse."""

_TOO_DEEP: Final = f"the data is nested deeper than {MAX_DEPTH} levels"
_ENCODE: Final[Callable[[str], bytes]] = msgspec.json.Encoder().encode
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')


class JsonStyle(StrEnum):
    """Whose habits a body follows; in each, every receiver reads the same values."""

    COMPACT = "compact"
    """Every literal as it came; only the white space between them goes."""
    JAVASCRIPT = "javascript"
    """What `JSON.stringify(JSON.parse(body))` leaves unchanged."""
    PHP = "php"
    """PHP's `json_encode` for text; numbers as they came."""


def styled(json: bytes, style: JsonStyle) -> bytes:
    """The same value in a style, without white space.

    Raises:
        UndecodableBody: it is not one JSON value in UTF-8 of at most `MAX_DEPTH` levels.
    """
    compact = _compacted(json)
    if style is JsonStyle.COMPACT:
        return compact
    if style is JsonStyle.PHP:
        return as_php_writes(compact)
    return as_javascript_writes(compact)


def text_writer(style: JsonStyle) -> Callable[[str], bytes]:
    """What writes texts as JSON strings in a style.

    It raises `UnicodeEncodeError` for half of a surrogate pair; text read from UTF-8 has none.
    """
    return _php_text if style is JsonStyle.PHP else _ENCODE


def _php_text(text: str) -> bytes:
    return as_php_writes(_ENCODE(text))


def _compacted(json: bytes) -> bytes:
    """Drops the white space, and checks what msgspec does not: it copies text unread."""
    try:
        json.decode()
        compact = msgspec.json.format(json, indent=-1)
    except UnicodeDecodeError as exc:
        raise UndecodableBody(f"the data is not UTF-8 (byte {exc.start})") from exc
    except msgspec.DecodeError as exc:
        raise UndecodableBody(f"the data is not JSON: {exc}") from exc
    except RecursionError as exc:
        raise UndecodableBody(_TOO_DEEP) from exc
    # Replacing is cheap, counting is not.
    if compact.replace(b"[", b"{").count(b"{") > MAX_DEPTH and _depth(compact) > MAX_DEPTH:
        raise UndecodableBody(_TOO_DEEP)
    return compact


def _depth(json: bytes) -> int:
    deepest = level = 0
    for token in _BRACKETS.finditer(json):
        if token[0] in (b"[", b"{"):
            level += 1
            deepest = max(deepest, level)
        elif token[0] in (b"]", b"}"):
            level -= 1
    return deepest
