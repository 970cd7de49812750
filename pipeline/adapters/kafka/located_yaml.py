"""YAML with the line of each value, so that errors can say where. Repeated names are errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

_MAX_FILE_BYTES: Final = 256 * 1024


class UnreadableYaml(Exception):
    """The file cannot be read or is no YAML; the text names it, and the line where there is one."""


@dataclass(frozen=True, slots=True)
class LocatedYaml:
    """A document and where its values stand."""

    value: object
    _root: yaml.Node | None

    def line_of(self, pointer: str) -> int:
        """The line of a value, or of what is nearest above it, from 1."""
        node, line = self._root, 1
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        for step in steps:
            entry = _entry_of(node, step)
            if entry is None:
                break
            node, line = entry
        return line


def read_yaml(path: Path) -> LocatedYaml:
    """The document of a file.

    Raises:
        UnreadableYaml
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise UnreadableYaml(f"{path}: {exc.strerror}") from exc
    if len(text) > _MAX_FILE_BYTES:
        raise UnreadableYaml(f"{path}: too long: at most {_MAX_FILE_BYTES} bytes")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = cast("object", yaml.safe_load(text))
    except yaml.MarkedYAMLError as exc:
        line = "" if exc.problem_mark is None else f":{exc.problem_mark.line + 1}"
        raise UnreadableYaml(f"{path}{line}: not YAML: {exc.problem}") from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise UnreadableYaml(f"{path}: not YAML: {exc}") from exc
    if root is not None:
        _refuse_repeated_names(root, path)
    return LocatedYaml(value, root)


def _entry_of(node: yaml.Node | None, step: str) -> tuple[yaml.Node, int] | None:
    """A member or an item, and the line where it begins."""
    if isinstance(node, yaml.MappingNode):
        for key, value in _members_of(node):
            if str(key.value) == step:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and step.isdecimal():
        items = cast("list[yaml.Node]", node.value)
        if int(step) < len(items):
            item = items[int(step)]
            return item, item.start_mark.line + 1
    return None


def _refuse_repeated_names(root: yaml.Node, path: Path) -> None:
    """Plain YAML would let the last one win."""
    to_visit, visited = [root], set[int]()
    while to_visit:
        node = to_visit.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            to_visit += cast("list[yaml.Node]", node.value)
        if isinstance(node, yaml.MappingNode):
            names = set[str]()
            for key, value in _members_of(node):
                name = str(key.value)
                if name in names:
                    line = key.start_mark.line + 1
                    raise UnreadableYaml(f"{path}:{line}: {name!r} is given twice")
                names.add(name)
                to_visit.append(value)


def _members_of(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    return cast("list[tuple[yaml.Node, yaml.Node]]", cast("Any", node).value)
