"""A receiver that remembers when the last byte of each event came, by the event's number.

`GET /arrivals` answers `[[number, nanoseconds], ...]` and forgets them. The clock is
CLOCK_MONOTONIC, which is the same for all processes of a machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sys
import time
from typing import Final, cast

import uvloop

from pipeline.supervisor.parent import follow_parent

MOST_ARRIVALS: Final = 1_000_000
MOST_HEAD_BYTES: Final = 65_536
_LENGTH: Final = re.compile(rb"\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r", re.IGNORECASE)
_NUMBER: Final = re.compile(rb'"number":(\d{1,18})')
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Arrivals = list[tuple[int, int]]


class Timing(asyncio.Protocol):
    """One connection; requests are framed by `Content-Length`."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        self._received += data
        while (end := self._end_of_request()) is not None:
            request, self._received = self._received[:end], self._received[end:]
            self._answer(request, now_ns)

    def _end_of_request(self) -> int | None:
        """Where the first request ends; None while it is not complete."""
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            if len(self._received) > MOST_HEAD_BYTES and self._transport is not None:
                self._transport.abort()
            return None
        length = _LENGTH.search(self._received, 0, head_end + 2)
        end = head_end + 4 + (int(length[1]) if length else 0)
        return end if end <= len(self._received) else None

    def _answer(self, request: bytes, now_ns: int) -> None:
        assert self._transport is not None
        if request.startswith(b"GET /arrivals "):
            body = json.dumps(self._arrivals).encode()
            self._arrivals.clear()
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._transport.write(head + body)
            return
        self._transport.write(_ANSWER)
        number = _NUMBER.search(request)
        if number is not None and len(self._arrivals) < MOST_ARRIVALS:
            self._arrivals.append((int(number[1]), now_ns))


async def serve(port: int) -> None:
    """Until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    arrivals: Arrivals = []
    server = await loop.create_server(lambda: Timing(arrivals), "127.0.0.1", port)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await ended.wait()
    server.close()


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="timed_receiver", description=__doc__)
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one, and prints it")
    follow_parent()
    uvloop.run(serve(parser.parse_args(words).port))


if __name__ == "__main__":
    main(sys.argv[1:])
