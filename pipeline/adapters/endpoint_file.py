"""A YAML file of accounts and endpoints, read as plain values; errors found later get their line.

The file is not trusted more than a request: its size, depth and what its aliases expand to are
bounded before anything is made of it. Refused are names given twice, of which YAML would silently
take the last one, names that are no text (`on`, `1`), and tags, which would make other types. Dates
stay text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, cast

import yaml

from pipeline.domain.document import DocumentError, below, shown

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
MAX_NODES: Final = 1_000_000
"""Values in a file, each counted as often as aliases repeat it."""
MAX_DEPTH: Final = 64
MAX_NUMBER_CHARS: Final = 64
MAX_REPORTED: Final = 50

_TEXT: Final = "tag:yaml.org,2002:str"
_MERGE: Final = "tag:yaml.org,2002:merge"
_NUMBERS: Final = frozenset(("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"))
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class _Loader(Protocol):
    """What PyYAML's loaders have in common."""

    def check_event(self) -> bool: ...

    def get_event(self) -> yaml.Event: ...

    def resolve(self, kind: object, value: str, implicit: tuple[bool, bool]) -> object: ...

    def get_single_data(self) -> object: ...

    def dispose(self) -> None: ...


class EndpointFileError(Exception):
    """A file cannot be used: each line of the message is file, line, place, and what to mend."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class EndpointFile:
    """A file as it was read."""

    path: Path
    text: bytes = field(repr=False)
    document: object = field(repr=False)

    def error(self, problems: Sequence[DocumentError]) -> EndpointFileError:
        """What is wrong with the document, each problem with the line that it is in."""
        reported = problems[:MAX_REPORTED]
        lines = _lines_of(self.text, {problem.pointer for problem in reported})
        texts = [f"{self.path}:{lines[problem.pointer]}: {problem}" for problem in reported]
        if len(problems) > MAX_REPORTED:
            texts.append(f"{self.path}: and {len(problems) - MAX_REPORTED} more")
        return EndpointFileError(*texts)


def read_endpoint_file(path: Path) -> EndpointFile:
    """The file's plain values: objects, lists, texts, numbers, true, false and null.

    Raises:
        EndpointFileError: it cannot be read, is no YAML, or is larger than it may be.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise EndpointFileError(f"{path}: {exc.strerror}") from exc
    if len(text) > MAX_FILE_BYTES:
        raise EndpointFileError(f"{path}: too long: at most {MAX_FILE_BYTES} bytes, split it")
    try:
        _Walk(_loader(text)).walk()
        return EndpointFile(path, text, _values(text))
    except _Refused as exc:
        raise EndpointFileError(f"{path}:{exc.line}: {exc}") from exc
    except yaml.MarkedYAMLError as exc:
        # Only what is wrong and where: the rest may quote the file, and its secrets.
        mark = exc.problem_mark or exc.context_mark
        at = f":{mark.line + 1}" if mark is not None else ""
        problem = ", ".join(filter(None, (exc.context, exc.problem)))
        raise EndpointFileError(f"{path}{at}: not YAML: {problem}") from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise EndpointFileError(f"{path}: not YAML: {exc}") from exc


class _Refused(Exception):
    """Something in a file that is YAML, and still not taken."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come."""

    pointer: str
    anchor: str | None
    is_mapping: bool
    name: str | None = None
    """The name whose value comes next."""
    names: set[str] = field(default_factory=set[str])
    items: int = 0
    size: int = 1
    height: int = 1


class _Walk:
    """Goes over a file's events once, without building anything of what they describe."""

    def __init__(self, loader: _Loader, wanted: Iterable[str] = ()) -> None:
        self._loader = loader
        self._open: list[_Open] = []
        self._anchored: dict[str, tuple[int, int]] = {}
        """Size and height of what each anchor stands for."""
        self.lines = dict.fromkeys(wanted, 0)
        """Of the wanted pointers, as far as they were found."""

    def walk(self) -> None:
        """Raises _Refused or yaml.YAMLError."""
        loader = self._loader
        try:
            while loader.check_event():
                self._event(loader.get_event())
        finally:
            loader.dispose()

    def _event(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionEndEvent):
            closed = self._open.pop()
            self._close(closed.anchor, closed.size, height=closed.height, line=line)
            return
        if not isinstance(event, yaml.NodeEvent):
            return
        tag: str | None = getattr(event, "tag", None)
        if tag is not None:
            raise _Refused(line, f"the tag {shown(tag)} is not used here: leave it out")
        parent = self._open[-1] if self._open else None
        if parent is not None and parent.is_mapping and parent.name is None:
            self._name(parent, event, line)
            return
        pointer = self._place(parent, line)
        if isinstance(event, yaml.CollectionStartEvent):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            self._open.append(_Open(pointer, event.anchor, is_mapping))
            self._check_depth(0, line)
        elif isinstance(event, yaml.AliasEvent):
            size, height = self._repeated(event.anchor or "", line)
            self._close(None, size, height=height, line=line)
        elif isinstance(event, yaml.ScalarEvent):
            self._check_number(event, line)
            self._close(event.anchor, 1, height=0, line=line)

    def _place(self, parent: _Open | None, line: int) -> str:
        """The pointer to the value that comes now."""
        if parent is None:
            pointer = ""
        else:
            pointer = below(parent.pointer, parent.items if parent.name is None else parent.name)
        if pointer in self.lines and not self.lines[pointer]:
            self.lines[pointer] = line
        return pointer

    def _name(self, parent: _Open, event: yaml.Event, line: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise _Refused(line, "a name must be a text")
        name = event.value
        if self._type_of(event) not in {_TEXT, _MERGE}:
            raise _Refused(line, f"the name {shown(name)} is not text here: put it in quotes")
        if name in parent.names:
            raise _Refused(line, f"{shown(name)} is given twice: leave one of them out")
        parent.names.add(name)
        parent.name = name
        # Where a value is wrong, the line of its name is where one looks.
        self._place(parent, line)

    def _close(self, anchor: str | None, size: int, *, height: int, line: int) -> None:
        """A value has ended."""
        if anchor is not None:
            self._anchored[anchor] = (size, height)
        if not self._open:
            return
        parent = self._open[-1]
        parent.items += 1
        parent.name = None
        parent.size += size
        parent.height = max(parent.height, height + 1)
        self._check_depth(height, line)
        if parent.size > MAX_NODES:
            raise _Refused(line, f"too many values, aliases counted: at most {MAX_NODES}")

    def _repeated(self, anchor: str, line: int) -> tuple[int, int]:
        if any(collection.anchor == anchor for collection in self._open):
            raise _Refused(line, f"*{anchor} would contain itself: write out what is meant")
        if anchor not in self._anchored:
            raise _Refused(line, f"*{anchor} stands for nothing: write &{anchor} before its value")
        return self._anchored[anchor]

    def _check_depth(self, height: int, line: int) -> None:
        if len(self._open) + height > MAX_DEPTH:
            raise _Refused(line, f"nested too deep: at most {MAX_DEPTH} levels")

    def _check_number(self, event: yaml.ScalarEvent, line: int) -> None:
        is_long = len(event.value) > MAX_NUMBER_CHARS
        if is_long and self._type_of(event) in _NUMBERS:
            raise _Refused(line, "a number of so many digits must be put in quotes")

    def _type_of(self, event: yaml.ScalarEvent) -> object:
        return self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)


def _loader(text: bytes) -> _Loader:
    # libyaml is ten times as fast, but a build of PyYAML need not have it.
    loader = yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)
    loader.yaml_implicit_resolvers = _RESOLVERS
    return cast("_Loader", loader)


_RESOLVERS: Final = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _values(text: bytes) -> object:
    loader = _loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _lines_of(text: bytes, pointers: Iterable[str]) -> dict[str, int]:
    """The line of each, or of the nearest thing around it."""
    around = {pointer: _ancestors(pointer) for pointer in pointers}
    walk = _Walk(_loader(text), {place for places in around.values() for place in places})
    walk.walk()
    return {
        pointer: next((walk.lines[place] for place in places if walk.lines[place]), 1)
        for pointer, places in around.items()
    }


def _ancestors(pointer: str) -> list[str]:
    """The pointer itself and all above it, the nearest first."""
    places = [pointer]
    while pointer:
        pointer = pointer.rpartition("/")[0]
        places.append(pointer)
    return places
