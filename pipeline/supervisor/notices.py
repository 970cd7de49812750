"""What is said of children that end: at once, but not over and over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Say = Callable[[str], None]
"""Takes one line for people. Called by several threads."""

QUIET_SECONDS: Final = 60.0
"""Between two lines about the same child."""


@dataclass(slots=True)
class _Heard:
    said_at: float
    unsaid: int = 0


class Notices:
    """Lines about things that may happen again and again. One thread."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._heard: dict[str, _Heard] = {}

    def tell(self, name: str, text: str) -> None:
        """Say `<name> <text>`, unless something was said of this name within the last minute."""
        now = time.monotonic()
        heard = self._heard.get(name)
        if heard is not None and now - heard.said_at < QUIET_SECONDS:
            heard.unsaid += 1
            return
        times = f" ({heard.unsaid + 1} times since the last line)" if heard and heard.unsaid else ""
        self._heard[name] = _Heard(now)
        self._say(f"{name} {text}{times}")
