"""Parts of a document that stay documents: kept as JSON text."""

from __future__ import annotations

import json

from pipeline.domain.document import DocumentError


def json_text_of(value: object, pointer: str) -> str:
    """Compact JSON; members stay in the order in which they were written.

    Raises:
        DocumentError: it cannot be written as JSON, in UTF-8.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise DocumentError(
            pointer, f"cannot be written as JSON: put such values in quotes ({exc})"
        ) from exc
    return text
