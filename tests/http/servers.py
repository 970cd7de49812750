"""Small servers over real sockets that say exactly what a test wants to be said."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(slots=True)
class Server:
    """A listening server and what it has seen so far."""

    port: int = 0
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    @property
    def open_connections(self) -> int:
        return len(self.tasks)


@asynccontextmanager
async def serving(
    talk: Talk, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Server]:
    """Have `talk` with every client; at the end every connection is cut."""
    server = Server()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        server.connections += 1
        server.tasks.add(task)
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            server.tasks.discard(task)
            writer.transport.abort()

    listening = await asyncio.start_server(accept, host, 0, ssl=tls, limit=1 << 20)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(server.tasks):
            task.cancel()
        await wait_until(lambda: not server.tasks)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One request as it came, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Talk:
    """Answer the requests of each connection with `answers`, the last one for ever."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while True:
            request = await read_request(reader)
            if seen is not None:
                seen.append(request)
            writer.write(answers[min(number, len(answers) - 1)])
            await writer.drain()
            number += 1

    return talk


def closing_after(answer: bytes) -> Talk:
    """Answer one request and close the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return talk


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read, and say nothing until the client goes."""
    while await reader.read(65_536):
        pass


async def wait_until(is_so: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Let the event loop work until `is_so`; fails after `seconds`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not is_so():
        assert loop.time() < deadline, "waited in vain"
        await asyncio.sleep(0.001)
