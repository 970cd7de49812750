"""Profiles in YAML files: those that ship with the pipeline, and an operator's own."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

import yaml

from pipeline.domain.document import DocumentError
from pipeline.domain.profile import Profile
from pipeline.domain.profile_document import read_profile

SHIPPED: Final = Path(__file__).resolve().parent.parent / "profiles"
"""The profiles that every pipeline has."""
MAX_FILE_BYTES: Final = 256 * 1024


class ProfileFileError(Exception):
    """A profile cannot be used; the message names the file, the place in it and the fix."""


def read_profile_files(folder: Path) -> dict[str, Profile]:
    """Every `<name>.yaml` of a folder as a profile, by name.

    Raises:
        ProfileFileError: a file cannot be read, is no profile, or is not called as its profile.
    """
    if not folder.is_dir():
        raise ProfileFileError(f"{folder}: there is no such folder of profiles")
    return {path.stem: read_profile_file(path) for path in sorted(folder.glob("*.yaml"))}


def read_profile_file(path: Path) -> Profile:
    """One profile.

    Raises:
        ProfileFileError: the file cannot be read, is no profile, or is not called as its profile.
    """
    try:
        profile = read_profile(read_profile_document(path))
    except DocumentError as exc:
        raise ProfileFileError(f"{path}: {exc}") from exc
    if profile.name != path.stem:
        raise ProfileFileError(
            f"{path}: name: {profile.name!r} is not the file's name: write {path.stem!r}"
        )
    return profile


def read_profile_document(path: Path) -> object:
    """What a profile's file says, unchecked: what the table of profiles holds.

    Raises:
        ProfileFileError: the file cannot be read, or is no YAML.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise ProfileFileError(f"{path}: {exc.strerror}") from exc
    if len(text) > MAX_FILE_BYTES:
        raise ProfileFileError(f"{path}: too long: at most {MAX_FILE_BYTES} bytes")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _refuse_repeated_names(root)
        return cast("object", yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise ProfileFileError(f"{path}: not YAML: {exc}") from exc


def _refuse_repeated_names(root: yaml.Node) -> None:
    """Plain YAML would let the last one win."""
    to_visit: list[object] = [root]
    visited: set[int] = set()
    while to_visit:
        node = to_visit.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            to_visit += node.value
        elif isinstance(node, yaml.MappingNode):
            names: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in names:
                    raise yaml.MarkedYAMLError(
                        problem=f"{name!r} is given twice", problem_mark=key.start_mark
                    )
                names.add(name)
                to_visit.append(value)
