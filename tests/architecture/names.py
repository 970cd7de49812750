"""Names that say nothing, and where they are used."""

import ast
import re
from collections.abc import Iterator

# Anything could be meant by these, wherever they stand in a name.
_NEVER = frozenset(
    ("common", "helper", "helpers", "manager", "managers", "misc", "processor", "util", "utils")
)
# These say nothing as the thing itself ("UserInfo"), but "data_dir" does.
_NEVER_LAST = frozenset(("base", "core", "data", "info"))
# "load_data" says nothing; "of_data" may speak of an event's data, which is called so.
_EMPTY_VERBS = frozenset(
    ("build", "fetch", "get", "handle", "load", "make", "parse", "read", "set", "store", "write")
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def is_vague(name: str) -> bool:
    """Whether a module or class must not be called this."""
    words = _words(name)
    return bool(words) and (not _NEVER.isdisjoint(words) or words[-1] in _NEVER_LAST)


def is_vague_function(name: str) -> bool:
    """Whether a function must not be called this."""
    words = _words(name)
    if "data" in words[-1:]:
        return words[0] == "process" or (len(words) == 2 and words[0] in _EMPTY_VERBS)
    return is_vague(name) or name.lstrip("_").startswith("process_")


def vague_definitions(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every class and function in `source` whose name says nothing."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and is_vague(node.name):
            yield node.lineno, node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_vague_function(
            node.name
        ):
            yield node.lineno, node.name
