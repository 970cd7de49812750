"""Who asked for which event types, found by the type: what a look-up costs are its matches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pipeline.domain.type_patterns import TypeMatcher, compile_patterns

_EVERY_TYPE: Final = "*"
_NONE: Final[list[str]] = []


class TypeIndex:
    """Names by their type patterns. Those with `*` in the middle of a pattern are tried in turn."""

    __slots__ = ("_general", "_named")

    def __init__(self) -> None:
        self._named: dict[str, list[str]] = {}
        self._general: dict[str, TypeMatcher] = {}

    def add(self, name: str, patterns: Sequence[str]) -> None:
        """Raises InvalidTypePattern, and has changed nothing then."""
        matcher = compile_patterns(patterns)
        for key in _keys(matcher):
            self._named.setdefault(key, []).append(name)
        if matcher.general and not matcher.matches_all:
            self._general[name] = matcher

    def remove(self, name: str, patterns: Sequence[str]) -> None:
        """Undoes `add` with the same patterns."""
        for key in _keys(compile_patterns(patterns)):
            names = self._named[key]
            names.remove(name)
            if not names:
                del self._named[key]
        self._general.pop(name, None)

    def find(self, event_type: str) -> dict[str, None]:
        """Who asked for this type, each once."""
        named = self._named
        found = dict.fromkeys(named.get(_EVERY_TYPE, _NONE))
        for key in _keys_of_type(event_type):
            found.update(dict.fromkeys(named.get(key, _NONE)))
        for name, matcher in self._general.items():
            if matcher.matches(event_type):
                found[name] = None
        return found


def _keys(matcher: TypeMatcher) -> Iterator[str]:
    if matcher.matches_all:
        yield _EVERY_TYPE
        return
    yield from matcher.exact
    for prefix in matcher.prefixes:
        yield prefix + _EVERY_TYPE
    for suffix in matcher.suffixes:
        yield _EVERY_TYPE + suffix


def _keys_of_type(event_type: str) -> Iterator[str]:
    """The patterns but the general ones that take this type."""
    yield event_type
    place = event_type.find(".")
    while place >= 0:
        yield event_type[: place + 1] + _EVERY_TYPE
        yield _EVERY_TYPE + event_type[place:]
        place = event_type.find(".", place + 1)
