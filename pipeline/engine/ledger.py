"""Which records of one partition are finished: out of order in, a contiguous prefix out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Ledger:
    """Tracks one partition for as long as it is assigned.

    Only offsets that were received count: gaps (compaction, transaction markers) are not waited
    for. Law: everything below `committable` was finished, whatever the order it finished in.
    """

    __slots__ = (
        "_done_before",
        "_finished",
        "_position",
        "_received",
        "_sizes",
        "leader_epoch",
        "metadata",
        "unfinished_bytes",
    )

    def __init__(self, position: int, done_before: Iterable[int] = ()) -> None:
        self._received: deque[int] = deque()
        self._finished: set[int] = set()
        self._done_before = set(done_before)
        """What an earlier owner finished beyond `position`, until it is received."""
        self._sizes: dict[int, int] = {}
        self._position = position
        self.leader_epoch: int | None = None
        self.metadata = ""
        self.unfinished_bytes = 0

    def accept(self, offset: int, size_bytes: int) -> bool:
        """A record was received.

        False if there is nothing to do: it was received before (a refetch after a pause), or an
        earlier owner finished it.
        """
        if offset < self._position or (self._received and offset <= self._received[-1]):
            return False
        if offset in self._done_before:
            self._pass(offset)
            return False
        self._received.append(offset)
        self._sizes[offset] = size_bytes
        self.unfinished_bytes += size_bytes
        return True

    def _pass(self, offset: int) -> None:
        self._done_before.remove(offset)
        if self._received:
            self._received.append(offset)
            self._finished.add(offset)
        else:
            self._position = offset + 1

    def finish(self, offset: int) -> int:
        """The record at `offset` needs nothing more; answers its size.

        Raises KeyError if it was not open.
        """
        size_bytes = self._sizes.pop(offset)
        self.unfinished_bytes -= size_bytes
        received = self._received
        if received[0] != offset:
            self._finished.add(offset)
            return size_bytes
        received.popleft()
        self._position = offset + 1
        finished = self._finished
        while received and received[0] in finished:
            following = received.popleft()
            finished.remove(following)
            self._position = following + 1
        return size_bytes

    def skip_to(self, position: int) -> None:
        """Reading stands at `position` and nothing is unfinished.

        What lies between was no record of ours.
        """
        if not self._received and position > self._position:
            self._position = position

    @property
    def committable(self) -> int:
        """The offset to commit: the first one that is not finished."""
        return self._position

    @property
    def finished_beyond(self) -> list[int]:
        """What is finished above `committable`."""
        return [*self._finished, *self._done_before]

    @property
    def moved(self) -> int:
        """Goes up whenever a record is finished."""
        return self._position + len(self._finished)

    def is_unfinished(self, offset: int) -> bool:
        """Whether the record at `offset` was received and is not finished."""
        return offset in self._sizes

    @property
    def unfinished(self) -> int:
        """Records received and not finished."""
        return len(self._sizes)
