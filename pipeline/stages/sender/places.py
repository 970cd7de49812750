"""How many requests may be on their way at once, over all endpoints of a process. Event loop only.

Beyond some hundred a busy process gets nothing done faster, and each request costs more (measured
with 3,200: twice the CPU). But requests that wait for a slow endpoint cost nothing, and must not
keep others from starting. So old ones do not count, and the limit climbs as long as that pays.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pipeline.stages.sender.climb import Climb

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = 128
MOST_PLACES = 4_096
OLD_MS = 250
"""A request that is older merely waits."""
OLD_WHILE_LATE_MS = 2_000
"""The same where this process itself comes late: it makes every request old, however fast its
endpoint is, and would start more and more of them."""
LATE_MS = 25
"""So much later than it was wanted, a period's end tells that this process comes late."""
PERIOD_MS = 100
UNUSED_MS = 1_000
"""Nobody waited for so long: the limit is found anew."""


class Place:
    """One request's; free when it has ended or is old."""

    __slots__ = ("is_free", "since_ms")

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        self.is_free = False


class Places:
    """Counts the requests that are not old, and keeps a line of endpoints that wait for a place."""

    def __init__(self, *, is_held: Callable[[], bool]) -> None:
        """`is_held` says whether nothing at all may start now."""
        self._is_held = is_held
        self._climb = Climb(PLACES, MOST_PLACES)
        self._taken = 0
        self._young: deque[Place] = deque()
        self._line: dict[str, None] = {}
        self._done = 0
        self._old_ms = OLD_MS
        self._period_began_ms = 0
        self._lined_up_ms = 0

    def take(self, now_ms: int) -> Place | None:
        """A place for a request that starts now; None if there is none."""
        if not self._has_room(now_ms):
            return None
        self._taken += 1
        place = Place(now_ms)
        self._young.append(place)
        return place

    def give_back(self, place: Place) -> None:
        """Its request has ended."""
        self._done += 1
        if not place.is_free:
            place.is_free = True
            self._taken -= 1

    def line_up(self, endpoint_id: str, now_ms: int) -> None:
        """The endpoint waits for a place, behind those that wait already."""
        if not 0 <= now_ms - self._lined_up_ms <= UNUSED_MS:
            self._climb.settle()
            self._begin_period(now_ms)
        self._lined_up_ms = now_ms
        self._line.setdefault(endpoint_id)

    @property
    def has_line(self) -> bool:
        """Somebody waits."""
        return bool(self._line)

    def next_in_line(self, now_ms: int) -> str | None:
        """Who may start now, one request; None if nobody may."""
        if not self._line or not self._has_room(now_ms):
            return None
        endpoint_id = next(iter(self._line))
        del self._line[endpoint_id]
        return endpoint_id

    def pass_time(self, now_ms: int) -> None:
        """To be called every period while somebody waits, by a timer."""
        took_ms = now_ms - self._period_began_ms
        if not 0 <= took_ms < PERIOD_MS:
            self._climb.observe(self._done)
            self._old_ms = OLD_WHILE_LATE_MS if took_ms > PERIOD_MS + LATE_MS else OLD_MS
            self._begin_period(now_ms)

    def _begin_period(self, now_ms: int) -> None:
        self._done = 0
        self._period_began_ms = now_ms

    def _has_room(self, now_ms: int) -> bool:
        young, old_ms = self._young, now_ms - self._old_ms
        # One from the future: the clock was set back, and nobody knows its age.
        while young and (young[0].is_free or not old_ms < young[0].since_ms <= now_ms):
            place = young.popleft()
            if not place.is_free:
                place.is_free = True
                self._taken -= 1
        return self._taken < self._climb.limit and not self._is_held()
