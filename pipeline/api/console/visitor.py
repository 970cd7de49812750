"""Who looks at a page, and where its links lead."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pipeline.api.caller import Caller

OPERATORS_ROOT: Final = ""
PORTAL_ROOT: Final = "/portal"
"""Below it are an account's pages, with a cookie of their own."""
_CSRF_LABEL: Final = b"pipeline console: csrf"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has signed in, or came by a link."""

    name: str
    caller: Caller
    csrf: str
    """Has to come with every change; no other site can know it."""
    root: str
    """What all paths of their pages begin with."""

    @property
    def is_operator(self) -> bool:
        return self.caller.is_operator

    @property
    def may_write(self) -> bool:
        return self.caller.access == "full"


def csrf_of(token: str) -> str:
    """Of a session: whoever has its cookie's text has both, nobody else either."""
    return hmac.new(token.encode(), _CSRF_LABEL, sha256).hexdigest()


def is_csrf_good(visitor: Visitor, given: str | None) -> bool:
    """Whether a change comes from a page that this visitor was shown."""
    return given is not None and hmac.compare_digest(given.encode(), visitor.csrf.encode())
