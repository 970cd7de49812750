"""E-mail addresses that mails are sent to and from: the plain form of RFC 5321, and nothing odd.

Quoted local parts, comments, lists and address literals are refused: no address of a customer needs
them, and each is a way to write what a mailer reads as something else.
"""

from __future__ import annotations

import re
from typing import Final

MAX_ADDRESS_CHARS: Final = 254
_MAX_LOCAL_CHARS: Final = 64
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class InvalidMailAddress(ValueError):
    """No mail can be sent to this address; the message says what one looks like."""


def check_mail_address(text: str) -> str:
    """`text` if it is one address, such as ops@example.com.

    Raises:
        InvalidMailAddress: it is none, or more than one, or has characters beyond ASCII.
    """
    local, _, domain = text.rpartition("@")
    if (
        len(text) > MAX_ADDRESS_CHARS
        or len(local) > _MAX_LOCAL_CHARS
        or not _LOCAL.fullmatch(local)
        or not _DOMAIN.fullmatch(domain)
    ):
        raise InvalidMailAddress("write one e-mail address in ASCII, such as ops@example.com")
    return text
