from __future__ import annotations

import asyncio
import socket
import struct
import time

import pytest

from pipeline.adapters.http.curl_client import CurlClient, open_client
from pipeline.adapters.http.exchange import (
    Fault,
    HeaderRefused,
    TimedOut,
    Unreachable,
    header_lines,
)
from tests.http.conftest import SETTINGS, a_post
from tests.http.servers import Talk, read_request, serving, silence, wait_until


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


async def test_a_port_that_nobody_listens_on_refuses(client: CurlClient):
    with pytest.raises(Unreachable) as failed:
        await client.post(a_post(f"http://127.0.0.1:{a_free_port()}/"))
    assert failed.value.fault is Fault.REFUSED
    assert str(failed.value) == "the connection was refused"


def dripping(before: bytes, drop: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(before)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.01)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        silence,
        dripping(b"", b"H"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"d"),
        dripping(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"d"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nd\r\n"),
        dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ],
)
async def test_the_deadline_ends_silence_and_drips(client: CurlClient, talk: Talk):
    async with serving(talk) as server:
        started_at = time.monotonic()
        with pytest.raises((TimedOut, Unreachable)) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/", timeout_ms=300))
        took_seconds = time.monotonic() - started_at
        await wait_until(lambda: server.open_connections == 0)
    # A drip of single letters is seen not to be HTTP before the time is up.
    assert isinstance(failed.value, TimedOut) or failed.value.fault is Fault.PROTOCOL
    assert took_seconds < 5
    assert failed.value.address == "127.0.0.1"
    assert failed.value.phases is not None


async def test_the_deadline_holds_while_a_large_body_is_not_taken(client: CurlClient):
    async def never_read(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(never_read) as server:
        body = b"x" * 50_000_000
        with pytest.raises(TimedOut):
            await client.post(a_post(f"http://127.0.0.1:{server.port}/", body=body, timeout_ms=300))


async def test_the_deadline_holds_while_a_connection_is_made(client: CurlClient):
    # A full backlog: the kernel drops further connection attempts.
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        with pytest.raises(TimedOut, match=r"before (an answer came|a connection was made)"):
            await client.post(a_post(f"http://127.0.0.1:{port}/", timeout_ms=300))
        for one in waiting:
            one.close()


async def test_the_deadline_says_where_the_time_ran_out(client: CurlClient):
    drip = dripping(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\n\r\n", b"d")
    async with serving(drip) as server:
        with pytest.raises(TimedOut, match=r"within 200 ms: .* in the middle of .* \(status 202\)"):
            await client.post(a_post(f"http://127.0.0.1:{server.port}/", timeout_ms=200))


def resetting(before: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if before:
            writer.write(before)
            await writer.drain()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return talk


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"])
async def test_a_reset_connection_is_unreachable(client: CurlClient, before: bytes):
    async with serving(resetting(before)) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.RESET


async def test_a_name_without_an_address_is_unreachable_by_dns():
    def look_up(host: str) -> tuple[str, ...]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with open_client(SETTINGS._replace(lookup=look_up)) as client:
        with pytest.raises(
            Unreachable, match=r"nowhere\.test has no address: Name or service"
        ) as failed:
            await client.post(a_post("http://nowhere.test/"))
    assert failed.value.fault is Fault.DNS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "b\r\nInjected: 1"),
        ("x-a", "b\nInjected: 1"),
        ("x-a", "b\rc"),
        ("x-a", "b\x00c"),
        ("x-a", "b\x7f"),
        ("x a", "b"),
        ("x-a:", "b"),
        ("", "b"),
        ("x\r\ny", "b"),
        ("Host", "other.test"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Expect", "100-continue"),
    ],
)
def test_a_header_that_would_break_the_message_is_refused(name: str, value: str):
    with pytest.raises(HeaderRefused):
        header_lines([("x-fine", "1"), (name, value)])


def test_headers_with_tabs_and_letters_of_any_script_are_sent():
    assert header_lines([("x-a", "b\tc"), ("x-b", "日本")]) == [
        b"x-a: b\tc",
        "x-b: 日本".encode(),
    ]
