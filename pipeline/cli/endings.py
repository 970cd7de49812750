"""The two ways in which a command ends foreseeably without having done what was asked."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

FAILED: Final = 1
BAD_INPUT: Final = 2

_NEAR: Final = 0.6
_MOST_LISTED: Final = 12


class CommandFailed(Exception):
    """Something did not work; the text is one line and says what helps. Exit status 1."""


class BadInput(Exception):
    """What was given cannot be used; a line for each place, with the fix. Exit status 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def nearest(name: str, valid: Iterable[str], *, prefix: str = "") -> str:
    """`; did you mean x?` or `; use one of ...`, to be put behind a message about an unknown name.

    A prefix that all have in common says nothing about how near they are.
    """
    names = sorted({each.removeprefix(prefix) for each in valid})
    close = get_close_matches(name.removeprefix(prefix), names, n=1, cutoff=_NEAR)
    if close:
        return f"; did you mean {prefix}{close[0]}?"
    if not 0 < len(names) <= _MOST_LISTED:
        return ""
    return f"; use one of {', '.join(prefix + each for each in names)}"
