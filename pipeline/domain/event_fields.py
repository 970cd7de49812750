"""What filters compare of an event: the values of its fields, each found once for all filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from enum import Enum
from itertools import chain, islice
from typing import Final, NamedTuple, TypeVar

import msgspec

from pipeline.domain.event_values import EventValues, Path
from pipeline.domain.json_style import JsonStyle

MAX_VALUES: Final = 1_000
"""Of one field: of longer lists no more is looked at."""
MAX_LOOKS: Final = 100_000
"""Values that are looked at for one event, by all filters together; the rest counts as not there.

So no event and no filter costs more than about a tenth of a second, whatever they are made of.
"""
MAX_NUMBER_CHARS: Final = 4_300
"""A longer number compares with nothing."""

_T = TypeVar("_T")
_OBJECT: Final = ord("{")
_LIST: Final = ord("[")
_QUOTE: Final = ord('"')
_MAX_INDEX_DIGITS: Final = 7
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_SCALAR: Final = msgspec.json.Decoder(float_hook=Decimal)


class Literal(Enum):
    """What JSON has beside texts and numbers; none of them equals a number, as Python's would."""

    TRUE = True
    FALSE = False
    NULL = None


Scalar = str | int | Decimal | Literal
"""A value that compares: numbers exactly, whatever their size and however they are written."""


class Field(NamedTuple):
    """What an event has at a field."""

    exists: bool
    values: tuple[Scalar, ...]
    """One, or those of a list; objects and lists in lists have none."""


ABSENT: Final = Field(exists=False, values=())


class EventFields:
    """The fields of one event. Make one per event: its endpoints share what it found."""

    __slots__ = ("_fields", "_looks", "_places", "values")

    def __init__(self, values: EventValues) -> None:
        self.values = values
        self._fields: dict[Path, Field] = {}
        self._places: dict[Path, _Place] = {}
        self._looks = 0

    def data(self, path: Path) -> Field:
        """What is at a path of the data.

        A step is a member's name or an item's number; a name after a list is that of its items.

        Raises:
            UndecodableBody: the data is not JSON in UTF-8, or nested too deep.
            OversizeBody: it is longer than 1 MiB.
        """
        field = self._fields.get(path)
        if field is None:
            field = self._fields[path] = self._field(self._place(path).nodes)
        return field

    def metadata(self, name: str) -> Field:
        """The metadata of this name, always a text."""
        text = self.values.event.metadata.get(name)
        return ABSENT if text is None else Field(exists=True, values=(text,))

    def _place(self, path: Path) -> _Place:
        place = self._places.get(path)
        if place is None:
            if path:
                place = _Place(tuple(self._steps(self._place(path[:-1]), path[-1])))
            else:
                place = _Place((msgspec.Raw(self.values.data(JsonStyle.COMPACT)),))
            self._places[path] = place
        return place

    def _steps(self, place: _Place, step: str) -> Iterator[msgspec.Raw]:
        for members in self._look(place.objects()):
            if step in members:
                yield members[step]
        index = _index(step)
        if index is None:
            for members in self._look(place.objects_in_lists()):
                if step in members:
                    yield members[step]
            return
        for items in self._look(place.lists()):
            if index < len(items):
                yield items[index]

    def _field(self, nodes: tuple[msgspec.Raw, ...]) -> Field:
        values: list[Scalar] = []
        for node in self._look(nodes):
            first = memoryview(node)[0]
            if first == _LIST:
                items = self._look(_ITEMS.decode(node))
                values += (value for item in items if (value := _scalar(item)) is not None)
            elif (value := _scalar(node)) is not None:
                values.append(value)
        return Field(bool(nodes), tuple(values[:MAX_VALUES]))

    def _look(self, found: Iterable[_T]) -> Iterator[_T]:
        """As many of them as may be looked at."""
        for each in islice(found, min(MAX_VALUES, MAX_LOOKS - self._looks)):
            self._looks += 1
            yield each


class _Place:
    """What is at a path: several nodes where the path leads through lists."""

    __slots__ = ("_lists", "_objects", "_objects_in_lists", "nodes")

    def __init__(self, nodes: tuple[msgspec.Raw, ...]) -> None:
        self.nodes = nodes
        self._objects: list[dict[str, msgspec.Raw]] | None = None
        self._lists: list[list[msgspec.Raw]] | None = None
        self._objects_in_lists: list[dict[str, msgspec.Raw]] | None = None

    def objects(self) -> list[dict[str, msgspec.Raw]]:
        if self._objects is None:
            self._objects = _objects_among(self.nodes)
        return self._objects

    def lists(self) -> list[list[msgspec.Raw]]:
        if self._lists is None:
            self._lists = [_ITEMS.decode(node) for node in self.nodes if _begins(node, _LIST)]
        return self._lists

    def objects_in_lists(self) -> list[dict[str, msgspec.Raw]]:
        if self._objects_in_lists is None:
            items = islice(chain.from_iterable(self.lists()), MAX_VALUES)
            self._objects_in_lists = _objects_among(items)
        return self._objects_in_lists


def number_of(literal: str) -> Decimal | None:
    """Exactly; None where it is no number of at most `MAX_NUMBER_CHARS` that can be compared."""
    if len(literal) > MAX_NUMBER_CHARS:
        return None
    try:
        number = Decimal(literal)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _objects_among(nodes: Iterable[msgspec.Raw]) -> list[dict[str, msgspec.Raw]]:
    return [_MEMBERS.decode(node) for node in nodes if _begins(node, _OBJECT)]


def _begins(node: msgspec.Raw, char: int) -> bool:
    return memoryview(node)[0] == char


def _scalar(node: msgspec.Raw) -> Scalar | None:
    """None for an object, a list, and a value that nothing can be compared with."""
    text = memoryview(node)
    if text[0] in b"tfn":
        return Literal(msgspec.json.decode(node))
    if text[0] in b"{[" or (text[0] != _QUOTE and len(text) > MAX_NUMBER_CHARS):
        return None
    try:
        return _SCALAR.decode(node)
    except (msgspec.MsgspecError, InvalidOperation):  # half a surrogate pair; 1e9999999999999999999
        return None


def _index(step: str) -> int | None:
    """Of an item, as templates write it: `0`, `12`, never `012`."""
    if not step.isdecimal() or len(step) > _MAX_INDEX_DIGITS or str(int(step)) != step:
        return None
    return int(step)
