"""Lists in pieces: how many items a caller wants, and where the next piece begins."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import WithJsonSchema

from pipeline.api.problems import FieldError, invalid

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
MAX_CURSOR_CHARS: Final = 1024
_CURSOR: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_CURSOR_CHARS,
    "pattern": "^[A-Za-z0-9_-]+$",
}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Piece:
    """Which part of a list is wanted."""

    after: str
    """The key of the last item of the piece before; empty for the first piece."""
    limit: int

    @property
    def wanted(self) -> int:
        """How many to ask the store for: one more tells whether there is a next piece."""
        return self.limit + 1


@dataclass(frozen=True, slots=True)
class Listed(Generic[_T]):
    """A piece of a list, and the cursor of the next one."""

    items: Sequence[_T]
    next: str | None


async def piece_of(
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="How many items to answer.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MAX_CURSOR_CHARS,
            description="The `next` of the answer before; without it the list begins.",
        ),
        WithJsonSchema(_CURSOR),
    ] = None,
) -> Piece:
    """Raises Problem (422) for a cursor that no answer has given."""
    return Piece("" if cursor is None else read_cursor(cursor), limit)


FromList = Annotated[Piece, Depends(piece_of)]
"""As a handler's parameter: `piece: FromList`."""


def listed(found: Sequence[_T], piece: Piece, *, key: Callable[[_T], str]) -> Listed[_T]:
    """Out of up to `piece.wanted` items, in the order of their keys."""
    items = found[: piece.limit]
    return Listed(items, cursor_after(key(items[-1])) if len(found) > piece.limit else None)


def cursor_after(key: str) -> str:
    """What callers give back to go on after this key. Opaque to them."""
    return urlsafe_b64encode(key.encode()).rstrip(b"=").decode("ascii")


def read_cursor(cursor: str) -> str:
    """The key of a cursor. Raises Problem (422)."""
    try:
        key = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
    except (ValueError, binascii.Error):
        key = ""
    if not key or cursor_after(key) != cursor or not key.isprintable():
        raise invalid([FieldError("#query/cursor", "is none: give the `next` of an answer back")])
    return key
