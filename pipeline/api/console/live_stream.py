"""One stream of server-sent events: a page's live part, as often as it becomes another one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pipeline.api.console.live_parts import OVER, LivePart, LiveParts, News

CHECK_SECONDS: Final = 3.0
"""Who looks is asked anew for what gives them the right to, at least so often."""
BEAT_SECONDS: Final = 15.0
"""Something is said at least so often: proxies end what is silent for a minute."""
STUCK_SECONDS: Final = 20.0
"""Who takes nothing for so long is given up."""
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BEAT: Final = b": still here\nevent: beat\ndata:\n\n"
"""A comment, and an event: pages are not told of comments, and have to know as well as proxies."""
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx holds answers back otherwise
}


@dataclass(frozen=True, slots=True)
class Looking:
    """Somebody who looks at a part."""

    may_stay: Callable[[], Awaitable[bool | None]]
    """None: nobody can say now."""
    own: Callable[[str], str]
    """A text that all are told, as theirs."""
    leave: Callable[[], None]
    """When the stream is over, however it ended."""


class LiveStream(Response):
    """Told until its reader goes, has no right to it any more, or the process ends."""

    def __init__(self, parts: LiveParts, part: LivePart, looking: Looking) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._parts = parts
        self._part = part
        self._looking = looking
        self._mark = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(send))
                going = group.create_task(_gone(receive))
                telling.add_done_callback(lambda _: going.cancel())
                going.add_done_callback(lambda _: telling.cancel())
        finally:
            self._looking.leave()

    async def _tell(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        try:
            # The first word is said at once: who hears none learns that a proxy holds it back.
            await _say(send, _BEAT)
            await self._keep_telling(send)
        except TimeoutError:
            return  # the server ends the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _keep_telling(self, send: Send) -> None:
        now = asyncio.get_running_loop().time
        said_at = checked_at = now()
        while not self._parts.is_closed:
            if now() - checked_at >= CHECK_SECONDS:
                may_stay = await self._looking.may_stay()
                if not may_stay:
                    # Where nobody can say, pages ask again; but nothing more is shown meanwhile.
                    await _say(send, b"" if may_stay is None else _written(OVER))
                    return
                checked_at = now()
            rest_seconds = min(checked_at + CHECK_SECONDS, said_at + BEAT_SECONDS) - now()
            found = await self._part.other_than(self._mark, within_seconds=max(rest_seconds, 0))
            if found is not None:
                await _say(send, _written(found._replace(text=self._looking.own(found.text))))
                self._mark, said_at = found.mark, now()
                if found is OVER:
                    return
            elif now() - said_at >= BEAT_SECONDS:
                await _say(send, _BEAT)
                said_at = now()


def _written(found: News) -> bytes:
    """As the format has it: a line end of any kind would begin another field."""
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(found.text))
    return f"event: {found.word}\n{lines}\n".encode()


async def _say(send: Send, text: bytes) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(STUCK_SECONDS):
        await send({"type": "http.response.body", "body": text, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
