"""What a column may hold, alike in both databases."""

from __future__ import annotations

import msgspec

_TEXTS = msgspec.json.Decoder(dict[str, str])
_NUMBERS = msgspec.json.Decoder(dict[str, float])
_ENCODER = msgspec.json.Encoder()


def storable(text: str | None) -> str | None:
    """PostgreSQL keeps no NUL in a text; both stores keep the same instead."""
    if text is not None and "\0" in text:
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text


def number(value: float) -> float:
    """SQLite keeps a NaN as NULL."""
    return value if value == value else 0.0  # noqa: PLR0124 - only a NaN is unequal to itself


def as_json(value: dict[str, str] | dict[str, float] | None) -> str | None:
    return None if value is None else _ENCODER.encode(value).decode()


def texts_of(column: str | None) -> dict[str, str] | None:
    return None if column is None else _TEXTS.decode(column)


def numbers_of(column: str | None) -> dict[str, float] | None:
    return None if column is None else _NUMBERS.decode(column)
