"""HTTP/1.1 requests framed by `Content-Length`, for receivers that look at each of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final, NamedTuple, cast

MOST_HEAD_BYTES: Final = 65_536
MOST_BODY_BYTES: Final = 4 << 20
_LENGTH: Final = re.compile(rb"\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r", re.IGNORECASE)


class Request(NamedTuple):
    """One request as it came."""

    path: bytes
    whole: bytes
    """Head and body."""
    received_ns: int
    """When its last byte had come, by CLOCK_MONOTONIC."""


class FramedConnection(asyncio.Protocol):
    """One client's connection; each whole request is handed on, in order."""

    def __init__(
        self,
        on_request: Callable[[FramedConnection, Request], None],
        *,
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._on_request = on_request
        self._monotonic_ns = monotonic_ns
        self._received = bytearray()
        self._needed = 0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def write(self, answer: bytes) -> None:
        """To a client that is gone: nothing."""
        if self._transport is not None:
            self._transport.write(answer)

    def cut(self) -> None:
        """Close at once, without another byte."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        received_ns = self._monotonic_ns()
        self._received += data
        while len(self._received) >= self._needed and (end := self._end_of_request()):
            whole = bytes(self._received[:end])
            del self._received[:end]
            self._needed = 0
            self._on_request(self, Request(_path(whole), whole, received_ns))

    def _end_of_request(self) -> int:
        """Where the first request ends; 0 while it is not complete."""
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            if len(self._received) > MOST_HEAD_BYTES:
                self.cut()
            return 0
        found = _LENGTH.search(self._received, 0, head_end + 2)
        length = int(found[1]) if found else 0
        if length > MOST_BODY_BYTES:
            self.cut()
            return 0
        self._needed = head_end + 4 + length
        return self._needed if self._needed <= len(self._received) else 0


def answer_of(status: bytes, body: bytes) -> bytes:
    """A whole answer; `status` is as in `200 OK`."""
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def _path(whole: bytes) -> bytes:
    return whole[: whole.find(b"\r\n")].split(b" ")[1]
