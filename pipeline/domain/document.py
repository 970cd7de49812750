"""Reading documents that people write (YAML, JSON): each field checked, each error with its place.

Nothing is guessed and nothing ignored: a field that is unknown is an error that names the nearest
one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeVar, cast

from pipeline.domain.durations import InvalidDuration, parse_duration

_MAX_QUOTED_CHARS: Final = 60
_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


class DocumentError(ValueError):
    """What is wrong with a document (`text`), and where (`pointer`, RFC 6901)."""

    def __init__(self, pointer: str, text: str) -> None:
        path = ".".join(map(_unescaped, pointer.split("/")[1:]))
        super().__init__(f"{path}: {text}" if path else text)
        self.pointer = pointer
        self.text = text


def below(pointer: str, step: str | int) -> str:
    """The pointer to a member or an item."""
    return f"{pointer}/{str(step).replace('~', '~0').replace('/', '~1')}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice that ends a message about an unknown name: the likeliest one, or all there are."""
    names = list(known)
    likely = get_close_matches(name[:_MAX_QUOTED_CHARS], names, n=1, cutoff=0.6)
    return f"did you mean {likely[0]}?" if likely else f"known: {', '.join(names) or 'none'}"


def shown(value: object) -> str:
    """A value as messages quote it, cut short."""
    text = repr(value)
    return text if len(text) <= _MAX_QUOTED_CHARS else text[:_MAX_QUOTED_CHARS] + "..."


class Fields:
    """The members of one object of a document. Every reader raises `DocumentError`."""

    __slots__ = ("_members", "pointer")

    def __init__(self, value: object, pointer: str, *, known: Iterable[str]) -> None:
        """Refuses at once what is no object and every member that is not known."""
        self.pointer = pointer
        self._members = members_of(value, pointer)
        names = tuple(known)
        for name in self._members:
            if name not in names:
                raise DocumentError(below(pointer, name), f"unknown field: {nearest(name, names)}")

    def __contains__(self, name: str) -> bool:
        """Whether the field is given (null counts as not given)."""
        return self._members.get(name) is not None

    def at(self, name: str) -> str:
        """The pointer to a field."""
        return below(self.pointer, name)

    def value(self, name: str) -> object:
        """A field that must be given, as it is."""
        if name not in self:
            raise DocumentError(self.at(name), "missing: give a value")
        return self._members[name]

    def optional(self, name: str, read: Callable[[object, str], _T]) -> _T | None:
        """A field read by a function of its value and its pointer, or None."""
        return read(self._members[name], self.at(name)) if name in self else None

    def text(self, name: str, default: str | None = None) -> str:
        """A text; required without a default."""
        if default is not None and name not in self:
            return default
        return text_of(self.value(name), self.at(name))

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        return self._typed(name, default, bool, "true or false")

    def number(self, name: str, default: float | None = None) -> float:
        """A number; required without a default."""
        number = default if name not in self else self._members[name]
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise DocumentError(self.at(name), f"{shown(number)}: give a number")
        return float(number)

    def whole(self, name: str) -> int:
        """A whole number, required."""
        return whole_of(self.value(name), self.at(name))

    def choice(self, name: str, default: _E) -> _E:
        """One of an enumeration's values."""
        text = self.text(name, default.value)
        kind = type(default)
        try:
            return kind(text)
        except ValueError as exc:
            advice = nearest(text, [member.value for member in kind])
            raise DocumentError(self.at(name), f"{shown(text)}: {advice}") from exc

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, empty when it is not given."""
        return tuple(text_of(item, pointer) for item, pointer in self.items(name))

    def items(self, name: str) -> list[tuple[object, str]]:
        """A list's items, each with its pointer; empty when it is not given."""
        return items_of(self._members[name], self.at(name)) if name in self else []

    def members(self, name: str) -> dict[str, object]:
        """An object's members; empty when it is not given."""
        return members_of(self._members[name], self.at(name)) if name in self else {}

    def _typed(self, name: str, default: _T, kind: type[_T], wanted: str) -> _T:
        value = default if name not in self else self._members[name]
        if not isinstance(value, kind):
            raise DocumentError(self.at(name), f"{shown(value)}: give {wanted}")
        return value


def members_of(value: object, pointer: str) -> dict[str, object]:
    """An object's members."""
    if not isinstance(value, Mapping):
        raise DocumentError(pointer, f"{shown(value)}: give an object")
    members = cast("Mapping[object, object]", value)
    for name in members:
        if not isinstance(name, str):
            raise DocumentError(pointer, f"the name {shown(name)} is not text: put it in quotes")
    return dict(cast("Mapping[str, object]", value))


def items_of(value: object, pointer: str) -> list[tuple[object, str]]:
    """A list's items, each with its pointer."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise DocumentError(pointer, f"{shown(value)}: give a list")
    items = cast("Sequence[object]", value)
    return [(item, below(pointer, index)) for index, item in enumerate(items)]


def text_of(value: object, pointer: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise DocumentError(pointer, f"{shown(value)}: give a text, in quotes")
    return value


def whole_of(value: object, pointer: str) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise DocumentError(pointer, f"{shown(value)}: give a whole number")
    return value


def positive_of(value: object, pointer: str) -> int:
    """A whole number of at least 1."""
    number = whole_of(value, pointer)
    if number < 1:
        raise DocumentError(pointer, f"{number}: give at least 1")
    return number


def duration_of(value: object, pointer: str) -> int:
    """Milliseconds of a duration such as `5s`."""
    try:
        return parse_duration(text_of(value, pointer))
    except InvalidDuration as exc:
        raise DocumentError(pointer, str(exc)) from exc


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
