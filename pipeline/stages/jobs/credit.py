"""How much more a job may write: a few undelivered for each endpoint, and so many a second."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from pipeline.flow import Partition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.domain.delivery import Position
    from pipeline.domain.endpoint import Endpoint

SHARE_OF_IN_FLIGHT: Final = 2
"""Undelivered of a job, for each request that the endpoint may have open."""
MOST_AT_ONCE: Final = 10
"""A record that travels alone costs the broker and the sender several times what one of ten does; a
live event waits for a millisecond behind ten."""
TURNS_PER_SECOND: Final = 10
"""At the least, where the rate is no lower."""


class Credit:
    """What was written for endpoints and is not finished by their senders. Event loop only."""

    def __init__(self) -> None:
        self._unfinished: dict[str, set[Position]] = {}

    def has_room(self, endpoint: Endpoint, *, besides: int) -> bool:
        """For one more, besides so many that are about to be written."""
        unfinished = len(self._unfinished.get(endpoint.id, ())) + besides
        return unfinished < SHARE_OF_IN_FLIGHT * endpoint.max_in_flight

    def wrote(self, endpoint_id: str, place: Position) -> None:
        self._unfinished.setdefault(endpoint_id, set()).add(place)

    def partitions(self, endpoint_id: str) -> frozenset[Partition]:
        """Where its unfinished ones lie."""
        places = self._unfinished.get(endpoint_id, ())
        return frozenset(Partition(place.topic, place.partition) for place in places)

    def finished(self, endpoint_id: str, committed: Mapping[Partition, int]) -> None:
        """The senders are so far: what lies before is delivered, waits in a tier or is dead."""
        left = {
            place
            for place in self._unfinished.get(endpoint_id, ())
            if place.offset >= committed.get(Partition(place.topic, place.partition), 0)
        }
        if left:
            self._unfinished[endpoint_id] = left
        else:
            self._unfinished.pop(endpoint_id, None)


class Pace:
    """At most so many a second, a few at once; what was not used is not saved up."""

    def __init__(self, rate_per_second: int) -> None:
        self.at_once = max(1, min(MOST_AT_ONCE, rate_per_second // TURNS_PER_SECOND))
        """How many go in one turn at the most."""
        self._step_seconds = 1 / rate_per_second
        self._next_at = 0.0

    async def turn(self, count: int) -> None:
        """Return when the next so many may go."""
        loop = asyncio.get_running_loop()
        wait_seconds = self._next_at - loop.time()
        if wait_seconds > 0:
            await asyncio.sleep(wait_seconds)
        self._next_at = max(self._next_at, loop.time()) + count * self._step_seconds


class LastSeen:
    """The youngest of many texts, so that what comes twice is seen."""

    def __init__(self, most: int) -> None:
        # A dict finds its oldest key by passing over all that were deleted before it: 34 us each.
        self._texts: OrderedDict[str, None] = OrderedDict()
        self._most = most

    def add(self, text: str) -> bool:
        """Whether it is new."""
        if text in self._texts:
            return False
        self._texts[text] = None
        if len(self._texts) > self._most:
            self._texts.popitem(last=False)
        return True
