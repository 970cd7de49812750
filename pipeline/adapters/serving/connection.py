"""A client's connection, kept only for as long as the client keeps its side of it."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_SECONDS: Final = 10.0
"""For a request's head, and for what comes after its answer."""
MAX_HEAD_BYTES: Final = 256 * 1024
MAX_HEADERS: Final = 256
"""Trailers too."""
MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024
"""With all that is around its body."""


class Connection(asyncio.Protocol):
    """In front of uvicorn's protocol, which waits for a head without end and takes any length."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        self._inner = HttpToolsProtocol(**options)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._received_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no such class
        self._inner.connection_made(self._transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._inner.connection_lost(exc)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        before = self._request()
        self._inner.data_received(data)
        cycle = self._request()
        if cycle is not before:
            self._received_bytes = 0
        self._received_bytes += len(data)
        # Between two requests there is none, or one that is answered.
        is_asked = cycle is not None and not cycle.response_complete
        if is_asked:
            self._stop_waiting()
        elif self._deadline is None:
            self._wait()
        self._check_lengths(is_asked=is_asked)

    def eof_received(self) -> None:
        self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _request(self) -> RequestResponseCycle | None:
        """The last one that has begun."""
        return self._inner.cycle

    def _check_lengths(self, *, is_asked: bool) -> None:
        most_bytes = MAX_REQUEST_BYTES if is_asked else MAX_HEAD_BYTES
        headers = self._inner.headers
        if self._received_bytes > most_bytes or (headers and len(headers) > MAX_HEADERS):
            self._give_up()

    def _wait(self) -> None:
        self._deadline = self._loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._transport is not None:
            self._transport.abort()
