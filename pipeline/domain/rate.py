"""A rate limit that holds in every window, not only on average."""

from __future__ import annotations

from collections import deque
from typing import Final

from pipeline.domain.endpoint import RateLimit

_MAX_SLOTS: Final = 1_000


class RateLimiter:
    """Never lets more than `requests` through in any `per_ms`, wherever that window begins.

    It remembers when requests went out, in at most 1,000 slots of a window: for windows of over a
    second times are rounded up to a thousandth of it, so a request is let out by so much later,
    never earlier. A clock that is set back counts as one that stood still meanwhile.
    """

    __slots__ = ("_last_ms", "_per_ms", "_requests", "_set_back_ms", "_slot_ms", "_slots", "_taken")

    def __init__(self, limit: RateLimit) -> None:
        if limit.requests < 1 or limit.per_ms < 1:
            raise ValueError(
                "rate_limit: at least 1 request in at least 1 ms,"
                f" not {limit.requests} in {limit.per_ms} ms"
            )
        self._requests = limit.requests
        self._per_ms = limit.per_ms
        self._slot_ms = max(-(-limit.per_ms // _MAX_SLOTS), 1)
        # Each slot: its last millisecond and how many went out in it, the oldest first.
        self._slots: deque[tuple[int, int]] = deque()
        self._taken = 0
        self._last_ms: int | None = None
        self._set_back_ms = 0

    def take(self, now_ms: int) -> bool:
        """Whether a request may go out now; if so it counts as gone."""
        at_ms = self._advance(now_ms)
        if self._taken >= self._requests:
            return False
        slot_end_ms = at_ms - at_ms % self._slot_ms + self._slot_ms - 1
        if self._slots and self._slots[-1][0] == slot_end_ms:
            self._slots[-1] = (slot_end_ms, self._slots[-1][1] + 1)
        else:
            self._slots.append((slot_end_ms, 1))
        self._taken += 1
        return True

    def next_at_ms(self, now_ms: int) -> int:
        """The earliest time at which `take` will say yes: now, or later."""
        self._advance(now_ms)
        if self._taken < self._requests:
            return now_ms
        return self._slots[0][0] + self._per_ms - self._set_back_ms

    def _advance(self, now_ms: int) -> int:
        if self._last_ms is not None and now_ms < self._last_ms:
            self._set_back_ms += self._last_ms - now_ms
        self._last_ms = now_ms
        at_ms = now_ms + self._set_back_ms
        while self._slots and self._slots[0][0] + self._per_ms <= at_ms:
            self._taken -= self._slots.popleft()[1]
        return at_ms
