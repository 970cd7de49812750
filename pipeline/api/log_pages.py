"""Pages of the log: the newest first, and stable, whatever comes in meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from pipeline.api.listing import Listed, Piece, listed
from pipeline.api.problems import FieldError, invalid
from pipeline.delivery_log import Place

_LONGEST_TIME: Final = 15
"""Digits of milliseconds; what is longer is no time of ours."""

_T = TypeVar("_T")


def place_of(piece: Piece) -> Place | None:
    """Where the piece begins; None: at the newest. Raises Problem (422)."""
    if not piece.after:
        return None
    time_text, _, key = piece.after.partition(" ")
    is_time = time_text.isascii() and time_text.isdigit() and len(time_text) <= _LONGEST_TIME
    if not is_time or not key:
        raise invalid([FieldError("#query/cursor", "is none: give the `next` of an answer back")])
    return Place(int(time_text), key)


def page(found: Sequence[_T], piece: Piece, *, place: Callable[[_T], Place]) -> Listed[_T]:
    """Out of up to `piece.wanted` items."""

    def key(item: _T) -> str:
        time_ms, item_id = place(item)
        return f"{time_ms} {item_id}"

    return listed(found, piece, key=key)
