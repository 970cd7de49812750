"""The bound of what is not acknowledged: events and bytes, for threads and coroutines alike."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import NamedTuple


class _Turn(NamedTuple):
    size_bytes: int
    granted: Future[None]


class Room:
    """Who finds none waits, first come, first served.

    One event fits in always, so nothing is too large to be sent at all.
    """

    def __init__(self, *, most_events: int, most_bytes: int) -> None:
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._events = 0
        self._bytes = 0
        self._turns: deque[_Turn] = deque()
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> Future[None] | None:
        """None: it is taken. Otherwise it is taken once the future is done.

        Who does not want to wait any longer cancels the future; where that fails, the room was
        taken meanwhile and is to be given back.
        """
        with self._lock:
            if not self._turns and self._fits(size_bytes):
                self._occupy(size_bytes)
                return None
            turn = _Turn(size_bytes, Future())
            self._turns.append(turn)
            return turn.granted

    def give_back(self, size_bytes: int) -> None:
        """Once for each event that has room."""
        granted: list[Future[None]] = []
        with self._lock:
            self._events -= 1
            self._bytes -= size_bytes
            while self._turns and self._fits(self._turns[0].size_bytes):
                turn = self._turns.popleft()
                if turn.granted.set_running_or_notify_cancel():
                    self._occupy(turn.size_bytes)
                    granted.append(turn.granted)
        for one in granted:  # not under the lock: what follows may take and give back
            one.set_result(None)

    def _fits(self, size_bytes: int) -> bool:
        if not self._events:
            return True
        return self._events < self._most_events and self._bytes + size_bytes <= self._most_bytes

    def _occupy(self, size_bytes: int) -> None:
        self._events += 1
        self._bytes += size_bytes
