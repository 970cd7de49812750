"""Receivers that do to a sender whatever a socket allows, each on a port of its own."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import zlib
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

from tests.http.servers import Talk, answering, closing_after, read_request, serving, silence

GIB = 1 << 30
ENORMOUS_BYTES = 10 * GIB
DRIP_SECONDS = 1.0
_PART = b"\0" * 65_536
_DEADLINE_SECONDS = 30.0


@dataclass
class HostileReceivers:
    """Where each listens, by name, and what they could do."""

    ports: dict[str, int] = field(default_factory=dict[str, int])
    written_bytes: list[int] = field(default_factory=list[int])
    """By each connection that was sent an enormous body."""
    trapped: int = 0
    """Connections to where the redirects point."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}/{name}"


def gzip_bomb() -> bytes:
    """256 MiB of zeros, compressed: a thousandth of it."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = b"\0" * (1 << 20)
    return b"".join([*(packer.compress(zeros) for _ in range(256)), packer.flush()])


@contextmanager
def hostile_receivers(bomb: bytes) -> Generator[HostileReceivers]:
    """All of them, in a thread, until the end of the block."""
    receivers = HostileReceivers()
    started, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            trap = await stack.enter_async_context(serving(_trapping(receivers)))
            talks = _talks(receivers, bomb, trap_port=trap.port)
            for name, talk in talks.items():
                server = await stack.enter_async_context(serving(talk))
                receivers.ports[name] = server.port
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(_DEADLINE_SECONDS)
    try:
        yield receivers
    finally:
        ended.set()
        thread.join(_DEADLINE_SECONDS)


def _talks(receivers: HostileReceivers, bomb: bytes, *, trap_port: int) -> dict[str, Talk]:
    location = b"Location: http://127.0.0.1:%d/\r\n" % trap_port
    packed = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    return {
        "resets": _reset,
        "down": _reset,
        "drips-body": _dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"d" * 99),
        "drips-head": _dripping(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        "garbage": closing_after(b"SSH-2.0-OpenSSH_9.9\r\n"),
        "patient": closing_after(b"\x16\x03\x01\x00\x05not for you"),
        "enormous": _enormous(receivers),
        "bomb": answering(b"HTTP/1.1 500 Boom\r\n" + packed + bomb),
        "endless-headers": _repeating(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"m" * 999 + b"\r\n"),
        "interim-flood": _repeating(b"", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"),
        "redirects": closing_after(
            b"HTTP/1.1 307 Elsewhere\r\nContent-Length: 0\r\n" + location + b"\r\n"
        ),
        "early": _answer_unread,
    }


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _dripping(at_once: bytes, drop_by_drop: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(at_once)
        for drop in drop_by_drop:
            writer.write(bytes([drop]))
            await writer.drain()
            await asyncio.sleep(DRIP_SECONDS)

    return talk


def _enormous(receivers: HostileReceivers) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        connection = len(receivers.written_bytes)
        receivers.written_bytes.append(0)
        writer.write(b"HTTP/1.1 503 Full\r\nContent-Length: %d\r\n\r\n" % ENORMOUS_BYTES)
        while receivers.written_bytes[connection] < ENORMOUS_BYTES:
            writer.write(_PART)
            await writer.drain()
            receivers.written_bytes[connection] += len(_PART)

    return talk


def _repeating(at_once: bytes, for_ever: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(at_once)
        while True:
            writer.write(for_ever)
            await writer.drain()

    return talk


async def _answer_unread(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a request whose body is not read, and never will be."""
    assert isinstance(writer.transport, asyncio.Transport)
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    writer.write(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    await asyncio.Event().wait()


def _trapping(receivers: HostileReceivers) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receivers.trapped += 1
        await silence(reader, writer)

    return talk
