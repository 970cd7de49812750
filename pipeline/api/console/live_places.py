"""How many streams there may be at once: each holds a connection, and browsers have few of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Final

MOST_STREAMS: Final = 256
"""In one process."""
MOST_OF_ONE: Final = 5
"""A browser has six connections to a server, and needs one for its next page. Hidden tabs have no
stream, so these are windows next to each other."""


class Places:
    """Who has which. Event loop only."""

    def __init__(self, most: int = MOST_STREAMS, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._taken: Counter[Hashable] = Counter()

    def take(self, holder: Hashable) -> bool:
        """Whether there was one left for this holder; then it is theirs until they leave it."""
        if self._taken.total() >= self._most or self._taken[holder] >= self._most_of_one:
            return False
        self._taken[holder] += 1
        return True

    def leave(self, holder: Hashable) -> None:
        """One that was taken."""
        self._taken[holder] -= 1
        if not self._taken[holder]:
            del self._taken[holder]
