"""The template language: JSON whose `$.` strings are replaced by values of an event.

A string that starts with `$.` is a reference (template_reference.py); where it has no value, `null`
takes its place, or nothing if the member's name ends in `?`. A string that shall start with `$.`
is written `$$.`, a name that shall end in `?` is written with `??`. A template is compiled once
into the bytes that are always the same and the places between them; data is copied, not parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn, cast

from pipeline.domain.body_problem import OversizeBody
from pipeline.domain.document import DocumentError, below
from pipeline.domain.event_values import EventValues, Json
from pipeline.domain.javascript_json import is_array_index
from pipeline.domain.json_style import JsonStyle, styled, text_writer
from pipeline.domain.template_reference import (
    Reference,
    Slot,
    Target,
    UnknownReference,
    reference,
)

MAX_TEXT_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 32
MAX_REFERENCES: Final = 500
_ESCAPED: Final = re.compile(r"\$\$+\.")


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled template."""

    segments: tuple[bytes, ...]
    """The bytes between the references, with an empty one in each reference's place."""
    slots: tuple[tuple[int, Slot], ...]
    """Each reference, and which segment it replaces."""
    is_shared: bool
    """Whether it renders the same for every endpoint."""

    def render(self, values: EventValues, target: Target, *, limit_bytes: int) -> bytes:
        """The body.

        Raises:
            UndecodableBody: a value of the event cannot be read or written.
            OversizeBody: the body would be longer than the limit.
        """
        parts: list[Json] = list(self.segments)
        for index, slot in self.slots:
            value = slot(values, target)
            parts[index] = b"null" if value is None else value
        length = sum(map(len, parts))
        if length > limit_bytes:
            raise OversizeBody(f"the body would have {length} bytes: at most {limit_bytes}")
        return b"".join(parts)


def compile_template(text: str, style: JsonStyle) -> Template:
    """A template that renders in a style.

    Raises:
        DocumentError: it is not JSON, a reference stands for nothing, a name is given twice, or it
            is larger than `MAX_TEXT_BYTES`, `MAX_DEPTH` or `MAX_REFERENCES`.
    """
    writer = _Writer(style)
    writer.write(_parsed(text), "", depth=1)
    return writer.template()


class _Members(NamedTuple):
    """An object of a template, as it was written."""

    pairs: list[tuple[str, object]]


class _Number(NamedTuple):
    """A number of a template, as it was written."""

    literal: str


def _parsed(text: str) -> object:
    if len(text.encode(errors="surrogatepass")) > MAX_TEXT_BYTES:
        raise DocumentError("", f"the template is too long: at most {MAX_TEXT_BYTES} bytes")
    try:
        return json.loads(
            text,
            object_pairs_hook=_Members,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
        )
    except RecursionError as exc:
        raise DocumentError("", _TOO_DEEP) from exc
    except ValueError as exc:
        raise DocumentError("", f"the template is not JSON: {exc}") from exc


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_TOO_DEEP: Final = f"the template is nested deeper than {MAX_DEPTH} levels"


@dataclass(slots=True)
class _Writer:
    """Collects what a template always writes, and the references between."""

    style: JsonStyle
    pending: bytearray = field(default_factory=bytearray)
    segments: list[bytes] = field(default_factory=list[bytes])
    slots: list[tuple[int, Slot]] = field(default_factory=list[tuple[int, Slot]])
    is_shared: bool = True

    def template(self) -> Template:
        return Template((*self.segments, bytes(self.pending)), tuple(self.slots), self.is_shared)

    def write(self, value: object, pointer: str, *, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise DocumentError(pointer, _TOO_DEEP)
        if isinstance(value, str):
            self._write_text(value, pointer)
        elif isinstance(value, _Members):
            self._write_object(value, pointer, depth)
        elif isinstance(value, list):
            self._write_array(cast("list[object]", value), pointer, depth)
        elif isinstance(value, _Number):
            self.pending += styled(value.literal.encode(), self.style)
        else:
            self.pending += json.dumps(value).encode()

    def _write_text(self, text: str, pointer: str) -> None:
        if text.startswith("$."):
            self._place(self._reference(text, pointer))
        else:
            self.pending += self._text(_literal(text), pointer)

    def _write_array(self, items: list[object], pointer: str, depth: int) -> None:
        self.pending += b"["
        for index, item in enumerate(items):
            self.pending += b"," if index else b""
            self.write(item, below(pointer, index), depth=depth + 1)
        self.pending += b"]"

    def _write_object(self, members: _Members, pointer: str, depth: int) -> None:
        """Writes the members; one that may be left out brings its comma along.

        Before the first member that always stays the comma follows it, after that one it precedes.
        """
        read = [_Member.read(name, value) for name, value in members.pairs]
        self._check_names(read, pointer)
        if self.style is JsonStyle.JAVASCRIPT:
            read = _indices_first(read)
        has_comma = False
        self.pending += b"{"
        for member in read:
            place = below(pointer, member.written)
            name = self._text(member.name, place) + b":"
            if member.is_optional:
                before, after = (b",", b"") if has_comma else (b"", b",")
                self._place_optional(str(member.value), place, (before + name, after))
                continue
            self.pending += b"," + name if has_comma else name
            has_comma = True
            self.write(member.value, place, depth=depth + 1)
        self.pending += b"}"

    def _check_names(self, members: Iterable[_Member], pointer: str) -> None:
        names: set[str] = set()
        stays = False
        for member in members:
            place = below(pointer, member.written)
            if member.name in names:
                raise DocumentError(place, "the name is given twice")
            if member.is_optional and not _is_reference(member.value):
                raise DocumentError(
                    place, "a name that ends in ? needs a $. reference; write ?? for a plain ?"
                )
            stays = stays or not member.is_optional
            names.add(member.name)
        if names and not stays:
            raise DocumentError(pointer, "leave at least one name without ? in each object")

    def _place(self, ref: Reference) -> None:
        self.segments += (bytes(self.pending), b"")
        self.pending.clear()
        self.slots.append((len(self.segments) - 1, ref.slot))
        self.is_shared = self.is_shared and ref.is_shared

    def _place_optional(self, text: str, pointer: str, around: tuple[bytes, bytes]) -> None:
        ref = self._reference(text, pointer)
        before, after = around

        def slot(values: EventValues, target: Target) -> bytes:
            value = ref.slot(values, target)
            return b"" if value is None else b"%b%b%b" % (before, value, after)

        self._place(Reference(slot, ref.is_shared))

    def _reference(self, text: str, pointer: str) -> Reference:
        if len(self.slots) >= MAX_REFERENCES:
            raise DocumentError(pointer, f"too many references: at most {MAX_REFERENCES}")
        try:
            return reference(text, self.style)
        except UnknownReference as exc:
            raise DocumentError(pointer, str(exc)) from exc

    def _text(self, text: str, pointer: str) -> bytes:
        try:
            return text_writer(self.style)(text)
        except UnicodeEncodeError as exc:
            raise DocumentError(pointer, "the text contains half of a surrogate pair") from exc


class _Member(NamedTuple):
    """One member of an object of a template."""

    written: str
    name: str
    value: object
    is_optional: bool

    @classmethod
    def read(cls, written: str, value: object) -> _Member:
        if written.endswith("??"):
            return cls(written, written[:-1], value, is_optional=False)
        is_optional = written.endswith("?")
        return cls(written, written.removesuffix("?"), value, is_optional)


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith("$.")


def _literal(text: str) -> str:
    return text[1:] if _ESCAPED.match(text) else text


def _indices_first(members: list[_Member]) -> list[_Member]:
    indices = [member for member in members if is_array_index(member.name)]
    others = [member for member in members if not is_array_index(member.name)]
    return sorted(indices, key=lambda member: int(member.name)) + others
