"""Times as people give them to commands."""

from __future__ import annotations

import re
from typing import Final, overload

_WITHOUT_SECONDS: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(Z|[+-]\d\d:\d\d)", re.ASCII)


@overload
def whole_time(text: str) -> str: ...
@overload
def whole_time(text: None) -> None: ...


def whole_time(text: str | None) -> str | None:
    """In RFC 3339 what lacks nothing but the seconds; anything else as it was given."""
    return None if text is None else _WITHOUT_SECONDS.sub(r"\1:00\2", text)
