"""Live parts of pages: worked out once for all who see the same, for as long as anybody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.responses import Response

from pipeline.api.problems import Problem
from pipeline.ports import StoreFailed
from pipeline.registry import Access

_REFRESH: Final = "hx-refresh"


class Sight(NamedTuple):
    """Who has the same in all of it is shown the same."""

    root: str
    account: str | None
    access: Access
    path: str
    query: str


class News(NamedTuple):
    """What a page is told of its live part."""

    word: str
    """`part`: it is as the text says; `again`: load the page anew; `over`: nobody may see it."""
    text: str
    mark: bytes
    """Of another text another one."""


def news(word: str, text: str = "") -> News:
    """Marked."""
    return News(word, text, sha256(f"{word}\n{text}".encode()).digest())


OVER: Final = news("over")
_AGAIN: Final = news("again")

Asking = Callable[[], Awaitable[Response]]
"""Of a page for its live part, as polls ask for it. Raises Problem or StoreFailed."""


class LivePart:
    """One part, for all who look at it now. Event loop only."""

    def __init__(self, ask: Asking, every_seconds: float) -> None:
        self._ask = ask
        self._every_seconds = every_seconds
        self._newest: News | None = None
        self._turn = asyncio.Event()
        # No reader's own: it goes on while one leaves, and what ends it is raised to all of them.
        self._asking = asyncio.get_running_loop().create_task(self._keep_asking())
        self._asking.add_done_callback(lambda _: self.wake())
        self.watchers = 0

    async def other_than(self, mark: bytes, *, within_seconds: float) -> News | None:
        """The newest, once it is another one than that; what came between is of no use any more.

        None: it is the same for so long, or somebody was woken. Raises whatever ended the asking.
        """
        if self._other(mark) is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_seconds):
                    await self._turn.wait()
        if self._asking.done() and not self._asking.cancelled():
            self._asking.result()
        return self._other(mark)

    def wake(self) -> None:
        """All who wait."""
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    def stop(self) -> None:
        """Nobody looks any more."""
        self._asking.cancel()

    def _other(self, mark: bytes) -> News | None:
        newest = self._newest
        return None if newest is None or newest.mark == mark else newest

    async def _keep_asking(self) -> None:
        while self._newest is not OVER:
            found = await self._asked()
            if found is not None and (self._newest is None or found.mark != self._newest.mark):
                self._newest = found
                self.wake()
            await asyncio.sleep(self._every_seconds)

    async def _asked(self) -> News | None:
        """None: there is nothing to tell, or nobody can say how things are now."""
        try:
            answer = await self._ask()
        except StoreFailed:
            return None
        except Problem as problem:
            is_passing = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return None if is_passing else OVER
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return _AGAIN if _REFRESH in answer.headers else None
        if answer.status_code != HTTPStatus.OK:
            return OVER
        return news("part", bytes(answer.body).decode())


class LiveParts:
    """All that anybody looks at now. Event loop only."""

    def __init__(self) -> None:
        self._parts: dict[Sight, LivePart] = {}
        self.is_closed = False
        """Every stream ends, and none begins."""

    @contextmanager
    def watched(self, sight: Sight, ask: Asking, *, every_seconds: float) -> Generator[LivePart]:
        """A part that others may look at already."""
        part = self._parts.get(sight)
        if part is None:
            part = self._parts[sight] = LivePart(ask, every_seconds)
        part.watchers += 1
        try:
            yield part
        finally:
            part.watchers -= 1
            if not part.watchers:
                part.stop()
                del self._parts[sight]

    def close(self) -> None:
        """End every stream: the process does not wait for those who look."""
        self.is_closed = True
        for part in self._parts.values():
            part.wake()
