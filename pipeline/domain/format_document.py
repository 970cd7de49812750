"""The body formats of a profile document."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import Final

from pipeline.domain.document import DocumentError, Fields, below, shown
from pipeline.domain.profile import BodyFormat
from pipeline.domain.signature_document import read_headers

MAX_FORMATS: Final = 20

_FORMAT_FIELDS: Final = ("template", "content_type", "flatten", "headers")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_CONTENT_TYPE: Final = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+(?:; ?charset=utf-8)?", re.IGNORECASE)
_JSON: Final = "application/json"


def read_formats(fields: Fields) -> MappingProxyType[str, BodyFormat]:
    """A profile's formats by name, in the order written.

    Raises:
        DocumentError: there is none, or a field is unknown, missing or wrong.
    """
    members = fields.members("formats")
    at = fields.at("formats")
    if not 1 <= len(members) <= MAX_FORMATS:
        raise DocumentError(at, f"give 1 to {MAX_FORMATS} formats, the default one first")
    content_type = read_content_type(fields)
    formats: dict[str, BodyFormat] = {}
    for name, value in members.items():
        check_name(name, below(at, name))
        given = Fields(value, below(at, name), known=_FORMAT_FIELDS)
        formats[name] = _format(name, given, default_content_type=content_type)
    return MappingProxyType(formats)


def read_content_type(fields: Fields, default: str = _JSON) -> str:
    """A media type, with no other parameter than `charset=utf-8`.

    Raises:
        DocumentError: it is none.
    """
    content_type = fields.text("content_type", default)
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise DocumentError(
            fields.at("content_type"), f"{shown(content_type)}: write one such as {_JSON}"
        )
    return content_type


def check_name(name: str, pointer: str) -> None:
    """Do nothing where a profile or a format may be called so.

    Raises:
        DocumentError: it may not.
    """
    if not _NAME.fullmatch(name):
        raise DocumentError(
            pointer, f"{shown(name)}: a name is 1 to 64 of a-z, 0-9, _ and -, not _ or - first"
        )


def _format(name: str, fields: Fields, *, default_content_type: str) -> BodyFormat:
    template = fields.value("template")
    try:
        text = json.dumps(template, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        at = fields.at("template")
        raise DocumentError(at, f"{exc}: put dates and other special values in quotes") from exc
    return BodyFormat(
        name=name,
        template=text,
        content_type=read_content_type(fields, default_content_type),
        is_flat=fields.flag("flatten", default=False),
        headers=read_headers(fields, "headers", ()),
    )
