"""What people note beside an endpoint, as it is written: its description and metadata."""

from __future__ import annotations

from typing import Final

from pipeline.domain.document import DocumentError, Fields, below, text_of
from pipeline.domain.event_rules import (
    MAX_METADATA_CHARS,
    MAX_METADATA_ENTRIES,
    MAX_METADATA_NAME_CHARS,
)

MAX_DESCRIPTION_CHARS: Final = 2_000
_BROKEN_LINES: Final = str.maketrans("", "", "\n\t")


def read_description(fields: Fields) -> str:
    """The field `description`: text that may have several lines. Raises DocumentError."""
    text = fields.text("description", "")
    if len(text) > MAX_DESCRIPTION_CHARS or not text.translate(_BROKEN_LINES).isprintable():
        raise DocumentError(
            fields.at("description"),
            f"write at most {MAX_DESCRIPTION_CHARS} characters, none of them a control character",
        )
    return text


def read_metadata(fields: Fields) -> dict[str, str]:
    """The field `metadata`: names and texts. Raises DocumentError."""
    at = fields.at("metadata")
    metadata = {
        name: text_of(value, below(at, name)) for name, value in fields.members("metadata").items()
    }
    if len(metadata) > MAX_METADATA_ENTRIES:
        raise DocumentError(at, f"{len(metadata)} entries: at most {MAX_METADATA_ENTRIES}")
    for name, value in metadata.items():
        if not 1 <= len(name) <= MAX_METADATA_NAME_CHARS or not (name + value).isprintable():
            raise DocumentError(
                below(at, name),
                f"write a name of 1 to {MAX_METADATA_NAME_CHARS} characters and a text,"
                " without control characters",
            )
    if sum(len(name) + len(value) for name, value in metadata.items()) > MAX_METADATA_CHARS:
        raise DocumentError(at, f"too long: at most {MAX_METADATA_CHARS} characters altogether")
    return metadata
