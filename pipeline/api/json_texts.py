"""JSON of callers' own, kept as text and given back as it was."""

from __future__ import annotations

import json
from typing import Final, cast

from pydantic import JsonValue

from pipeline.api.problems import FieldError, Problem, invalid

MAX_TEXT_BYTES: Final = 256 * 1024


def json_text(value: JsonValue, *, pointer: str) -> str:
    """Members stay in their order. Raises Problem (422): too long, or a number without bounds."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as exc:
        raise _refused(pointer, "contains a number beyond what can be kept") from exc
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise _refused(pointer, f"too long: at most {MAX_TEXT_BYTES} bytes are kept")
    return text


def json_value(text: str) -> JsonValue:
    """Of a text that was made here."""
    return cast("JsonValue", json.loads(text))


def _refused(pointer: str, detail: str) -> Problem:
    return invalid([FieldError(pointer, detail)])
