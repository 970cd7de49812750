"""Text as PHP's `json_encode` writes it: all ASCII, and `/` escaped."""

from __future__ import annotations

import re
from json.encoder import encode_basestring_ascii
from typing import Final

import msgspec

_TO_REWRITE: Final = re.compile(r"\\u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*|\\.|/|[^\x00-\x7f]+")


def as_php_writes(compact: bytes) -> bytes:
    """Valid JSON without white space, its text rewritten and everything else as it came."""
    if b"\\" not in compact and compact.isascii():
        return compact.replace(b"/", rb"\/")
    return _TO_REWRITE.sub(_rewritten, compact.decode()).encode("ascii")


def _rewritten(match: re.Match[str]) -> str:
    piece = match[0]
    if piece[0] != "\\":
        text = piece
    elif piece[1] == "u":
        # A run of escapes is read as a whole, because two may be one character.
        text = msgspec.json.decode(f'"{piece}"', type=str)
    else:
        return piece
    # PHP writes DEL as it is, Python's encoder does not.
    return "\x7f".join(map(_ascii, text.split("\x7f")))


def _ascii(text: str) -> str:
    return encode_basestring_ascii(text)[1:-1].replace("/", r"\/")
