"""Publishes events by the API over connections that are kept, as fast as they are answered.

`python -m benchmarks.ingest_client --port P --key K --seconds S`. It writes one line, `done` and
what it saw as JSON, and waits to be ended. Requests are put together and answers read with as
little as can be, for it shares the processors with what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from typing import Final

import uvloop

from benchmarks.events import EVENT_TYPE, KIB, DataTemplate
from pipeline.supervisor.parent import follow_parent

_SUBJECTS: Final = 1_000
_EVENT: Final = b'{"account":"account-%d","type":"%b","subject":"customer/%d","data":%b}'
_BATCH: Final = b'{"events":[%b]}'
_HEAD: Final = (
    b"POST %b HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %b\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_ACCEPTED: Final = b"HTTP/1.1 202"


class Load:
    """What is asked of all connections together, and what they saw."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._event_data = DataTemplate(KIB)
        self._until = time.monotonic() + options.seconds
        self._requests = 0
        self._open: int = options.clients
        self.took_ms: list[float] = []
        self.ended = asyncio.Event()
        self.failure: str | None = None

    def next_request(self) -> bytes | None:
        """None: it is enough."""
        size: int = self._options.events_a_request
        first = self._requests * size
        if first >= self._options.most_events or time.monotonic() > self._until or self.failure:
            return None
        self._requests += 1
        events = [self._event(number) for number in range(first, first + size)]
        path = b"/v1/events" if size == 1 else b"/v1/events/batch"
        body = events[0] if size == 1 else _BATCH % b",".join(events)
        return _HEAD % (path, self._options.key.encode(), len(body)) + body

    def _event(self, number: int) -> bytes:
        account = number % self._options.accounts
        content = self._event_data(number)
        return _EVENT % (account, EVENT_TYPE.encode(), number % _SUBJECTS, content)

    def closed(self, failure: str | None) -> None:
        """One connection has ended."""
        self.failure = self.failure or failure
        self._open -= 1
        if not self._open:
            self.ended.set()


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._failure: str | None = "the connection was closed"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert hasattr(transport, "write")
        self._transport = transport  # pyright: ignore[reportAttributeAccessIssue] - uvloop's is of no such class
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.closed(self._failure if exc is None else str(exc))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_HEAD_END)
        length = _LENGTH.search(head + b"\r\n") if found else None
        if length is None or len(body) < int(length[1]):
            return
        self._load.took_ms.append((time.monotonic() - self._sent_at) * 1_000)
        if not head.startswith(_ACCEPTED):
            self._end(self._received[:1_000].decode(errors="replace"))
            return
        self._received = b""
        self._send()

    def _send(self) -> None:
        request = self._load.next_request()
        if request is None:
            self._end(None)
            return
        assert self._transport is not None
        self._sent_at = time.monotonic()
        self._transport.write(request)

    def _end(self, failure: str | None) -> None:
        assert self._transport is not None
        self._failure = failure
        self._transport.close()


async def run(options: argparse.Namespace) -> None:
    """Until it is cancelled."""
    load = Load(options)
    loop = asyncio.get_running_loop()
    began_at = time.monotonic()
    for _ in range(options.clients):
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", options.port)
    await load.ended.wait()
    seen = {
        "failure": load.failure,
        "seconds": time.monotonic() - began_at,
        "cpu_seconds": time.process_time(),
        "took_ms": [round(took, 3) for took in load.took_ms],
    }
    print("done", json.dumps(seen), flush=True)
    await asyncio.Event().wait()


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="ingest_client", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True, help="an operator's API key")
    parser.add_argument("--seconds", type=float, required=True, help="no longer than this")
    parser.add_argument("--most-events", type=int, default=sys.maxsize)
    parser.add_argument("--events-a-request", type=int, default=1)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--accounts", type=int, default=1)
    follow_parent()
    uvloop.run(run(parser.parse_args(words)))


if __name__ == "__main__":
    main(sys.argv[1:])
