"""The headers that are looked at before a request's handler is."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, NamedTuple

from pipeline.api.problems import Problem, of_status

_ACCEPTABLE: Final = frozenset(
    ("*/*", "application/*", "application/json", "application/problem+json")
)
_TAKES_JSON: Final = frozenset((b"*/*", b"application/json"))
_MAX_ACCEPT_CHARS: Final = 4096


class Head(NamedTuple):
    """As they were sent; None: not at all."""

    authorization: bytes | None = None
    accept: bytes | None = None
    content_type: bytes | None = None
    content_length: bytes | None = None


def head_of(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """Raises Problem (400): a header came twice that has one value."""
    authorization = accept = content_type = content_length = None
    for name, value in headers:
        if name == b"authorization":
            if authorization is not None:
                raise of_status(HTTPStatus.BAD_REQUEST, "Send one Authorization header.")
            authorization = value
        elif name == b"accept":
            accept = value if accept is None else accept + b"," + value
        elif name == b"content-type":
            content_type = value
        elif name == b"content-length":
            content_length = value
    return Head(authorization, accept, content_type, content_length)


def check_accept(head: Head) -> None:
    """Raises Problem (406): JSON is none of what the request accepts."""
    if head.accept is None or head.accept in _TAKES_JSON:
        return
    if not any(map(_takes_json, head.accept[:_MAX_ACCEPT_CHARS].decode("latin-1").split(","))):
        raise _not_acceptable()


def _takes_json(accepted: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in accepted.split(";"))
    if kind not in _ACCEPTABLE:
        return False
    weight = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    return weight.strip("0.") != ""


def _not_acceptable() -> Problem:
    return of_status(HTTPStatus.NOT_ACCEPTABLE, "Answers are application/json: accept it.")
