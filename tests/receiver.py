"""A real HTTP receiver on loopback that remembers every request and answers as a test says."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.clock import now_ms

DEADLINE_SECONDS = 30.0


class Request(NamedTuple):
    """A request as it came in."""

    path: str
    headers: list[tuple[str, str]]
    """Names as sent, in order."""
    body: bytes
    at: float
    """Seconds since the epoch when its last byte had come."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def webhook_id(self) -> str:
        return self.header("webhook-id") or ""


class Answer(NamedTuple):
    """What to answer, and after how long; `close` drops the connection without an answer."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_seconds: float = 0.0
    close: bool = False


Behaviour = Callable[[Request], Answer]


def accept(_: Request) -> Answer:
    return Answer()


@dataclass
class Receiver:
    """Requests that were answered or are being answered; `behaviour` may be changed at any time."""

    port: int = 0
    behaviour: Behaviour = accept
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list[Request])
    accepted: list[Request] = field(default_factory=list[Request])
    open_now: int = 0
    most_open: int = 0

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def wait_for(
        self, count: int, *, path: str | None = None, seconds: float = DEADLINE_SECONDS
    ) -> list[Request]:
        """Requests to a path (any without one) once there are so many. Fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.to(path)
            if len(found) >= count:
                return found
            threading.Event().wait(0.01)
        raise AssertionError(
            f"{len(self.to(path))} of {count} requests came to {path or 'any path'} in {seconds} s"
        )

    def to(self, path: str | None) -> list[Request]:
        return [request for request in list(self.requests) if path is None or request.path == path]


@contextmanager
def receiving(
    behaviour: Behaviour = accept, *, tls: ssl.SSLContext | None = None
) -> Generator[Receiver]:
    """A receiver on a free port, in a thread of its own, stopped at the end."""
    receiver = Receiver(behaviour=behaviour, scheme="http" if tls is None else "https")
    started = threading.Event()
    ended = threading.Event()

    writers: set[asyncio.StreamWriter] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await _serve(receiver, reader, writer)
        finally:
            writers.discard(writer)

    async def serve() -> None:
        server = await asyncio.start_server(
            converse, "127.0.0.1", receiver.port, limit=8 << 20, ssl=tls
        )
        receiver.port = server.sockets[0].getsockname()[1]
        started.set()
        await asyncio.to_thread(ended.wait)
        server.close()
        left = list(writers)
        for writer in left:
            writer.close()
        await asyncio.gather(*(each.wait_closed() for each in left), return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    started.wait(DEADLINE_SECONDS)
    try:
        yield receiver
    finally:
        ended.set()
        thread.join(DEADLINE_SECONDS)


async def _serve(
    receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while (request := await _read(reader)) is not None:
            receiver.requests.append(request)
            receiver.open_now += 1
            receiver.most_open = max(receiver.most_open, receiver.open_now)
            try:
                answer = receiver.behaviour(request)
                if answer.delay_seconds:
                    await asyncio.sleep(answer.delay_seconds)
            finally:
                receiver.open_now -= 1
            if answer.close:
                break
            if 200 <= answer.status < 300:
                receiver.accepted.append(request)
            writer.write(_bytes(answer))
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [
        (name, value.strip())
        for name, _, value in (line.partition(":") for line in lines[1:] if line)
    ]
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    body = await reader.readexactly(length)
    return Request(lines[0].split(" ")[1], headers, body, now_ms() / 1000)


def _bytes(answer: Answer) -> bytes:
    head = [f"HTTP/1.1 {answer.status} X"]
    head += [f"{name}: {value}" for name, value in answer.headers]
    if answer.status != 204:
        head.append(f"Content-Length: {len(answer.body)}")
    return "\r\n".join([*head, "", ""]).encode() + answer.body
