"""How an endpoint may answer: at once, and in the ways that a sender has to bear."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from benchmarks.http_framing import FramedConnection, Request, answer_of

SLOW_SECONDS: Final = 5.0
DRIP_SECONDS: Final = 0.25
_OK: Final = answer_of(b"200 OK", b"ok")
_UNAVAILABLE: Final = answer_of(b"503 Service Unavailable", b"busy")
_CONFLICT: Final = answer_of(b"409 Conflict", b"not yet")
_DRIP_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
_ID: Final = re.compile(rb"\nwebhook-id:[ \t]*([\x21-\x7e]{1,200})[ \t]*\r", re.IGNORECASE)
_MOST_IDS: Final = 1_000_000


class Behaviour(StrEnum):
    """What is done with a request."""

    ACCEPTS = "accepts"
    SLOW = "slow"
    """Accepts after 5 s."""
    HANGS = "hangs"
    """Never answers."""
    FAILS = "fails"
    """503, at once."""
    DRIPS = "drips"
    """200, and then a byte of the body every quarter of a second."""
    CLOSES = "closes"
    """Closes the connection without an answer."""
    FAILS_ONCE = "fails-once"
    """409 to each webhook's first attempt, 200 to its second.

    Not a 5xx: twenty in a row would open the circuit, and rightly so.
    """


class Behaving:
    """Answers requests; counts those that it accepted."""

    def __init__(self) -> None:
        self.accepted = 0
        self._failed_once: set[bytes] = set()
        self._answers: dict[Behaviour, Callable[[FramedConnection, Request], None]] = {
            Behaviour.ACCEPTS: self._accept,
            Behaviour.SLOW: self._accept_late,
            Behaviour.HANGS: lambda connection, request: None,  # noqa: ARG005 - one signature
            Behaviour.FAILS: lambda connection, _: connection.write(_UNAVAILABLE),
            Behaviour.DRIPS: self._drip,
            Behaviour.CLOSES: lambda connection, _: connection.cut(),
            Behaviour.FAILS_ONCE: self._fail_once,
        }

    def answer(self, behaviour: Behaviour, connection: FramedConnection, request: Request) -> None:
        self._answers[behaviour](connection, request)

    def _accept(self, connection: FramedConnection, _: Request) -> None:
        if connection.is_open:
            self.accepted += 1
            connection.write(_OK)

    def _accept_late(self, connection: FramedConnection, request: Request) -> None:
        asyncio.get_running_loop().call_later(SLOW_SECONDS, self._accept, connection, request)

    def _drip(self, connection: FramedConnection, _: Request) -> None:
        connection.write(_DRIP_HEAD)
        self._drip_on(connection)

    def _drip_on(self, connection: FramedConnection) -> None:
        if connection.is_open:
            connection.write(b".")
            asyncio.get_running_loop().call_later(DRIP_SECONDS, self._drip_on, connection)

    def _fail_once(self, connection: FramedConnection, request: Request) -> None:
        found = _ID.search(request.whole)
        webhook_id = found[1] if found else b""
        if webhook_id in self._failed_once:
            self._failed_once.discard(webhook_id)
            self._accept(connection, request)
            return
        assert len(self._failed_once) < _MOST_IDS, "too many webhooks wait for their second attempt"
        self._failed_once.add(webhook_id)
        connection.write(_CONFLICT)
