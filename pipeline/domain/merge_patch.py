"""Merge patches (RFC 7396): an object that names only what changes; null removes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from pipeline.domain.document import DocumentError, below

MAX_DEPTH: Final = 64
"""Levels of a patch: more than anything that is patched may have."""


def merged(target: object, patch: object, pointer: str = "", *, depth: int = 1) -> object:
    """The target with the patch applied; neither is changed.

    Raises:
        DocumentError: the patch is nested deeper than `MAX_DEPTH`.
    """
    if not isinstance(patch, Mapping):
        return patch
    if depth > MAX_DEPTH:
        raise DocumentError(pointer, f"nested deeper than {MAX_DEPTH} levels")
    kept: dict[str, object] = {}
    if isinstance(target, Mapping):
        kept.update(cast("Mapping[str, object]", target))
    result = dict(kept)
    for name, value in cast("Mapping[str, object]", patch).items():
        if value is None:
            result.pop(name, None)
        else:
            place = below(pointer, name)
            result[name] = merged(kept.get(name), value, place, depth=depth + 1)
    return result
