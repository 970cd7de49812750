"""What an endpoint's requests look like, as it is written: the body's choice and more headers."""

from __future__ import annotations

from typing import Final

from pipeline.domain.document import DocumentError, Fields, below, text_of
from pipeline.domain.endpoint import BodyChoice
from pipeline.domain.header_names import InvalidHeader, check_header_name, check_header_value
from pipeline.domain.json_text import json_text_of

MAX_HEADERS: Final = 50


def read_body(value: object, pointer: str) -> BodyChoice:
    """`{format}` or `{template}`; the template's JSON text keeps the order of its members.

    Raises:
        DocumentError: it is neither, or both, or the template cannot be written as JSON.
    """
    fields = Fields(value, pointer, known=("format", "template"))
    if ("format" in fields) == ("template" in fields):
        raise DocumentError(pointer, "give a format or a template, one of the two")
    if "format" in fields:
        return BodyChoice(format=fields.text("format"))
    template = json_text_of(fields.value("template"), fields.at("template"))
    return BodyChoice(template=template)


def read_headers(fields: Fields) -> tuple[tuple[str, str], ...]:
    """The field `headers`, in the order written.

    Raises:
        DocumentError: a name may not be used or is given twice, or a value cannot be sent.
    """
    at = fields.at("headers")
    headers = {
        name: text_of(value, below(at, name)) for name, value in fields.members("headers").items()
    }
    if len(headers) > MAX_HEADERS:
        raise DocumentError(at, f"{len(headers)} headers: at most {MAX_HEADERS}")
    seen: set[str] = set()
    for name, value in headers.items():
        try:
            check_header_name(name)
            check_header_value(value)
        except InvalidHeader as exc:
            raise DocumentError(below(at, name), str(exc)) from exc
        if name.lower() in seen:
            raise DocumentError(below(at, name), "the header is given twice")
        seen.add(name.lower())
    return tuple(headers.items())
