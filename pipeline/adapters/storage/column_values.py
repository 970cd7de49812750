"""What a column may hold, alike in both databases."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_TEXTS = msgspec.json.Decoder(dict[str, str])
_NUMBERS = msgspec.json.Decoder(dict[str, float])
_ENCODER = msgspec.json.Encoder()


def storable(text: str | None) -> str | None:
    """PostgreSQL keeps no NUL in a text; both stores keep the same instead."""
    if text is not None and "\0" in text:
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text


class GivenText(TypeDecorator[str]):
    """Text that a client chose: NUL and halves of surrogate pairs are replaced.

    The same in conditions, so that asking for such a text finds nothing, or what was made of it.
    """

    impl = Text
    cache_ok = True

    def replaced(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - it is given
        return None if value is None else _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)

    process_bind_param = replaced  # called by this name for whatever is sent to the database


def number(value: float) -> float:
    """SQLite keeps a NaN as NULL."""
    return value if value == value else 0.0  # noqa: PLR0124 - only a NaN is unequal to itself


def as_json(value: dict[str, str] | dict[str, float] | None) -> str | None:
    return None if value is None else _ENCODER.encode(value).decode()


def texts_of(column: str | None) -> dict[str, str] | None:
    return None if column is None else _TEXTS.decode(column)


def numbers_of(column: str | None) -> dict[str, float] | None:
    return None if column is None else _NUMBERS.decode(column)
