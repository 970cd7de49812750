"""The owner's memory of what it has tried: a record that comes again is not tried again."""

from __future__ import annotations

from collections import OrderedDict

MOST_REMEMBERED = 100_000


class TriedMemory:
    """The last (delivery, attempt) pairs that were tried and written down."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._tried: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._most = most

    def add(self, delivery_id: str, attempt: int) -> None:
        """This attempt was made."""
        self._tried[(delivery_id, attempt)] = None
        if len(self._tried) > self._most:
            self._tried.popitem(last=False)

    def __contains__(self, tried: tuple[str, int]) -> bool:
        return tried in self._tried
