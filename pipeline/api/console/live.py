"""Pages that stay up to date by a stream each: who may have one, and what they share."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from pipeline.api.caller import Caller
from pipeline.api.console.live_parts import LiveParts, Sight
from pipeline.api.console.live_places import Places
from pipeline.api.console.live_stream import LiveStream, Looking
from pipeline.api.console.visitor import Visitor
from pipeline.api.problems import Problem
from pipeline.ports import StoreFailed

LIVE: Final = "/live"
"""Where the streams of pages lie: before their paths."""
_LONGEST_QUERY: Final = 4_096
_ANYBODY: Final = "anybody"

Who = Callable[[Request], Awaitable[Visitor | None]]
"""Raises Problem or StoreFailed."""
Fragment = Callable[[Request, Visitor], Awaitable[Response]]
"""A page's live part. Raises Problem or StoreFailed."""


class LivePages:
    """All streams of a process. Event loop only."""

    def __init__(self, parts: LiveParts, places: Places, who: Who) -> None:
        self._parts = parts
        self._places = places
        self._who = who
        # Stands for each reader's own in what all are told; nobody who writes texts knows it.
        self._csrf = secrets.token_hex(32)

    async def stream(
        self, request: Request, fragment: Fragment, *, every_seconds: float
    ) -> Response:
        """A page's; 401 for nobody, 204 where there is no room: browsers then do not ask again.

        Raises Problem (503), StoreFailed.
        """
        visitor = await self._who(request)
        if visitor is None:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        is_fit = request.method == "GET" and len(request.url.query) <= _LONGEST_QUERY
        if self._parts.is_closed or not is_fit or not self._places.take(visitor.csrf):
            return Response(status_code=HTTPStatus.NO_CONTENT)
        with ExitStack() as leaving:
            leaving.callback(self._places.leave, visitor.csrf)
            part = leaving.enter_context(
                self._parts.watched(
                    _sight_of(request, visitor),
                    partial(fragment, request, self._shared(visitor)),
                    every_seconds=every_seconds,
                )
            )
            leave = leaving.pop_all().close
        looking = Looking(
            may_stay=partial(self._may_stay, request, visitor),
            own=lambda text: text.replace(self._csrf, visitor.csrf),
            leave=leave,
        )
        return LiveStream(self._parts, part, looking)

    async def _may_stay(self, request: Request, visitor: Visitor) -> bool | None:
        try:
            return await self._who(request) == visitor
        except (Problem, StoreFailed):
            return None

    def _shared(self, visitor: Visitor) -> Visitor:
        """Whoever sees the same: nothing in it is one reader's own."""
        caller = visitor.caller
        return replace(
            visitor,
            name=_ANYBODY,
            caller=Caller(_ANYBODY, caller.account, caller.access, caller.via),
            csrf=self._csrf,
        )


def _sight_of(request: Request, visitor: Visitor) -> Sight:
    caller = visitor.caller
    return Sight(visitor.root, caller.account, caller.access, request.url.path, request.url.query)
