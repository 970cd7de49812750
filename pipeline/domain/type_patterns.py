"""Patterns of event types: `*` stands for one or more of the segments between the dots.

`person.*` takes `person.created` and `person.address.created`, `*.created` every type that ends so,
`*` every type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.domain.document import shown

MAX_PATTERN_CHARS: Final = 256
MAX_PATTERNS: Final = 200
_ANY: Final = "*"


class InvalidTypePattern(ValueError):
    """A pattern is none; the message quotes it and says what to write."""


@dataclass(frozen=True, slots=True)
class TypeMatcher:
    """Some patterns, sorted by how they are compared: most need no more than a look-up."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]
    """Of `person.*`: `person.`"""
    suffixes: tuple[str, ...]
    """Of `*.created`: `.created`"""
    general: tuple[tuple[str, ...], ...]
    """The segments of every other pattern."""
    matches_all: bool = False

    def matches(self, event_type: str) -> bool:
        """Whether any of the patterns takes this type."""
        if self.matches_all or event_type in self.exact:
            return True
        if event_type.startswith(self.prefixes) or event_type.endswith(self.suffixes):
            return True
        if not self.general:
            return False
        segments = event_type.split(".")
        return any(_takes(pattern, segments) for pattern in self.general)


def check_pattern(pattern: str) -> None:
    """Do nothing where it is a pattern.

    Raises:
        InvalidTypePattern: it is empty or too long, a segment is empty, `*` is a part of a segment,
            or it contains a space or a control character.
    """
    quoted = shown(pattern)
    if not pattern or len(pattern) > MAX_PATTERN_CHARS:
        raise InvalidTypePattern(f"{quoted}: write 1 to {MAX_PATTERN_CHARS} characters")
    if any(char.isspace() or not char.isprintable() for char in pattern):
        raise InvalidTypePattern(f"{quoted}: write it without spaces and control characters")
    for segment in pattern.split("."):
        if not segment:
            raise InvalidTypePattern(f"{quoted}: a segment is empty: write one dot between two")
        if _ANY in segment and segment != _ANY:
            raise InvalidTypePattern(
                f"{quoted}: {_ANY} stands for whole segments: write {_ANY} between dots alone,"
                " such as person.* or *.created"
            )


def compile_patterns(patterns: Sequence[str]) -> TypeMatcher:
    """What takes every type that one of the patterns takes; no patterns take every type.

    Raises:
        InvalidTypePattern: one is no pattern, or there are too many.
    """
    if len(patterns) > MAX_PATTERNS:
        raise InvalidTypePattern(f"{len(patterns)} patterns: at most {MAX_PATTERNS}")
    for pattern in patterns:
        check_pattern(pattern)
    with_any = [pattern for pattern in patterns if _ANY in pattern]
    prefixes = [pattern[:-1] for pattern in with_any if pattern.find(_ANY) == len(pattern) - 1]
    suffixes = [pattern[1:] for pattern in with_any if pattern.rfind(_ANY) == 0]
    general = [pattern.split(".") for pattern in with_any if _is_general(pattern)]
    return TypeMatcher(
        exact=frozenset(pattern for pattern in patterns if _ANY not in pattern),
        prefixes=_unique(prefix for prefix in prefixes if prefix),
        suffixes=_unique(suffix for suffix in suffixes if suffix),
        general=tuple(map(tuple, general)),
        matches_all=not patterns or _ANY in patterns,
    )


def _is_general(pattern: str) -> bool:
    return 0 <= pattern.find(_ANY) < len(pattern) - 1 and pattern.rfind(_ANY) > 0


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))


def _takes(pattern: tuple[str, ...], segments: list[str]) -> bool:
    """Wildcard matching that goes back to the last `*` alone: at most pattern x segments steps."""
    at = place = 0
    retry_at = retry_place = -1
    while place < len(segments):
        if at < len(pattern) and pattern[at] == _ANY:
            at += 1
            place += 1
            retry_at, retry_place = at, place
        elif at < len(pattern) and pattern[at] == segments[place]:
            at += 1
            place += 1
        elif retry_at >= 0:
            retry_place += 1
            at, place = retry_at, retry_place
        else:
            return False
    return at == len(pattern)
