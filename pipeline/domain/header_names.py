"""Which header a profile or an endpoint may name, and what may stand in it."""

from __future__ import annotations

import re
from typing import Final

from pipeline.domain.document import shown

MAX_NAME_CHARS: Final = 128
MAX_VALUE_CHARS: Final = 4_096

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_SET_BY_THE_PIPELINE: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "traceparent",
        "tracestate",
        "user-agent",
        "webhook-id",
        "webhook-replay",
        "webhook-triggered-again",
    }
)
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class InvalidHeader(ValueError):
    """A header may not be named so, or not contain that; the message says why."""


def check_header_name(name: str) -> None:
    """Do nothing where the name is free.

    Raises:
        InvalidHeader: it is no token (RFC 9110, section 5.6.2) or too long, the pipeline sets the
            header itself, or it belongs to one connection (RFC 9110, section 7.6.1).
    """
    if len(name) > MAX_NAME_CHARS or not _TOKEN.fullmatch(name):
        raise InvalidHeader(
            f"{shown(name)} is no header name: use 1 to {MAX_NAME_CHARS} letters, digits and -"
        )
    if name.lower() in _SET_BY_THE_PIPELINE:
        raise InvalidHeader(f"{name} is set by the pipeline: leave it out")
    if name.lower() in _HOP_BY_HOP:
        raise InvalidHeader(f"{name} belongs to the connection: leave it out")


def check_header_value(value: str) -> None:
    """Do nothing where the value can be sent as it is.

    Raises:
        InvalidHeader: it is empty or too long, has a space at an end, a line break or another
            character that is not printable ASCII.
    """
    if len(value) > MAX_VALUE_CHARS or not _VALUE.fullmatch(value):
        raise InvalidHeader(
            f"a header's value is 1 to {MAX_VALUE_CHARS} printable ASCII characters"
            " without line breaks, and no space at either end"
        )
