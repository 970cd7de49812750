"""An endpoint's filter, as it is written."""

from __future__ import annotations

from pipeline.domain.document import DocumentError
from pipeline.domain.filters import compile_filter_text
from pipeline.domain.json_text import json_text_of


def read_filter(value: object, pointer: str) -> str:
    """The filter's JSON text, which `compile_filter_text` takes.

    Raises:
        DocumentError: it is no filter.
    """
    text = json_text_of(value, pointer)
    try:
        compile_filter_text(text)
    except DocumentError as exc:
        raise DocumentError(f"{pointer}{exc.pointer}", exc.text) from exc
    return text
