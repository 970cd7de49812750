"""Attempts under way, and those of them that have ended."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.engine.ticket import Ticket
    from pipeline.ports import Sent
    from pipeline.stages.sender.lane import Item, Lane
    from pipeline.stages.sender.places import Place
    from pipeline.stages.sender.posting import Headers, Posting
    from pipeline.stages.sender.recipient import Recipient
    from pipeline.stages.sender.tracing import AttemptTrace


class UnderWay:
    """One attempt; `Attempting.begin` says of it what is not known before."""

    __slots__ = (
        "headers",
        "item",
        "lane",
        "place",
        "posting",
        "recipient",
        "started_at_ms",
        "ticket",
        "trace",
    )

    headers: Headers
    """Those of this attempt alone."""
    posting: Posting
    started_at_ms: int

    def __init__(self, lane: Lane, item: Item, *, ticket: Ticket, place: Place) -> None:
        self.lane = lane
        self.recipient: Recipient = lane.recipient
        """The endpoint as it was when the attempt began."""
        self.item = item
        self.ticket = ticket
        self.place = place
        self.trace: AttemptTrace | None = None

    def result(self) -> Sent:
        """What became of it, once, after its end.

        It lets go of the posting, which knows whom to call and so this attempt: together they
        would stay, with the delivery, until the garbage collector comes.
        """
        posting = self.posting
        del self.posting
        return posting.result()


class Ended:
    """Attempts that have ended, in that order, for the one task that deals with them."""

    def __init__(self) -> None:
        self._ended: deque[UnderWay] = deque()
        self._has_some = asyncio.Event()

    def noting(self, under_way: UnderWay) -> Callable[[], None]:
        """What is to be called when it ends."""
        return partial(self._note, under_way)

    def _note(self, under_way: UnderWay) -> None:
        self._ended.append(under_way)
        self._has_some.set()

    async def wait(self) -> None:
        """Return when there is one."""
        while not self._ended:
            self._has_some.clear()
            await self._has_some.wait()

    def next(self) -> UnderWay | None:
        """The one that ended first; None if there is none (any more)."""
        return self._ended.popleft() if self._ended else None
