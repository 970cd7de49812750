"""What a body gives, for the readers of the domain."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from pipeline.api.problems import of_document
from pipeline.domain.document import DocumentError

_T = TypeVar("_T")


def read_given(read: Callable[[object], _T], body: BaseModel | None) -> _T:
    """What a reader makes of the members that are there; of none where there is no body.

    Raises Problem (422).
    """
    try:
        return read({} if body is None else body.model_dump(exclude_unset=True))
    except DocumentError as exc:
        raise of_document(exc) from exc
