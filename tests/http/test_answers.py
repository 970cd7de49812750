from __future__ import annotations

import asyncio
import gzip
import resource

import pytest

from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import Fault, TimedOut, Unreachable
from tests.http.conftest import a_post
from tests.http.servers import OK, answering, closing_after, read_request, serving

GIB = 1 << 30


async def test_status_headers_and_body_come_back_as_received(client: CurlClient):
    answer_bytes = (
        b"HTTP/1.1 418 Odd Teapot\r\nX-A: 1\r\nx-a:  two \r\nX-Latin: \xe9\r\n"
        b"Content-Length: 3\r\n\r\n\x00\xff!"
    )
    async with serving(answering(answer_bytes)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert answer.status == 418
    assert answer.headers() == (
        ("X-A", "1"),
        ("x-a", "two"),
        ("X-Latin", "é"),
        ("Content-Length", "3"),
    )
    assert (answer.body, answer.is_truncated) == (b"\x00\xff!", False)
    assert answer.address == "127.0.0.1"


async def test_the_phases_are_measured_and_are_zero_for_a_connection_used_again(client: CurlClient):
    async with serving(answering(OK)) as server:
        first = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        second = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert first.phases.connect_ms > 0
    assert 0 < first.phases.first_byte_ms <= first.phases.total_ms < 10_000
    assert second.phases[:3] == (0.0, 0.0, 0.0)
    assert 0 < second.phases.first_byte_ms <= second.phases.total_ms


async def test_a_redirect_is_an_answer_like_any_other(client: CurlClient):
    seen: list[bytes] = []
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(redirect, OK, seen=seen)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        assert answer.status == 302
        assert ("Location", "http://127.0.0.1:1/") in answer.headers()
        assert len(seen) == 1


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n",
    ],
)
async def test_interim_answers_are_passed_over(client: CurlClient, interim: bytes):
    async with serving(answering(interim + OK)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        again = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers() == (("Content-Length", "2"),)
    assert again.status == 200
    assert server.connections == 1


async def test_a_204_leaves_its_connection_usable(client: CurlClient):
    async with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        for _ in range(3):
            answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
            assert (answer.status, answer.body) == (204, b"")
    assert server.connections == 1


async def test_an_answer_without_length_ends_with_its_connection(client: CurlClient):
    async with serving(closing_after(b"HTTP/1.1 200 OK\r\n\r\nto the end")) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert (answer.status, answer.body) == (200, b"to the end")


async def test_connection_close_is_obeyed(client: CurlClient):
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with serving(answering(closing)) as server:
        for _ in range(2):
            answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
            assert answer.status == 200
    assert server.connections == 2


async def test_a_chunked_answer_is_put_together(client: CurlClient):
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: t\r\n\r\n"
    )
    async with serving(answering(chunked)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert answer.body == b"abcde"
    assert server.connections == 1


async def test_a_gzip_bomb_is_kept_as_it_is(client: CurlClient):
    bomb = gzip.compress(b"\0" * 8_000_000)[:16_000]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with serving(answering(head + bomb)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert answer.body == bomb


async def test_a_transfer_that_is_compressed_unasked_is_no_answer(client: CurlClient):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    async with serving(closing_after(head + gzip.compress(b"\0" * 8_000_000))) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.PROTOCOL


@pytest.mark.parametrize(
    ("length", "kept", "is_truncated", "connections"),
    [
        (16_384, 16_384, False, 1),
        (16_385, 16_384, True, 1),
        (60_000, 16_384, True, 1),
        (1_000_000, 16_384, True, 2),
    ],
)
async def test_a_body_is_kept_up_to_16_kib_and_read_on_only_a_little(
    client: CurlClient, *, length: int, kept: int, is_truncated: bool, connections: int
):
    body = b"x" * length
    whole = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % length + body
    async with serving(answering(whole, OK)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
        await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert (answer.status, answer.body) == (201, body[:kept])
    assert answer.is_truncated == is_truncated
    assert server.connections == connections


async def test_a_body_of_10_gib_is_cut_off_and_its_status_counts(client: CurlClient):
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (10 * GIB))
        while sent < 10 * GIB:
            writer.write(b"\0" * 65_536)
            await writer.drain()
            sent += 65_536

    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serving(talk) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert (answer.status, len(answer.body), answer.is_truncated) == (200, 16_384, True)
    assert sent < GIB // 16
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 64 * 1024


async def test_endless_headers_are_cut_off(client: CurlClient):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Bomb: " + b"b" * 4_000 + b"\r\n")
            await writer.drain()

    async with serving(talk) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.PROTOCOL


async def test_an_endless_header_line_is_cut_off(client: CurlClient):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Bomb: ")
        while True:
            writer.write(b"b" * 65_536)
            await writer.drain()

    async with serving(talk) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.PROTOCOL


async def test_endless_interim_answers_are_cut_off(client: CurlClient):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: " + b"l" * 900 + b"\r\n\r\n")
            await writer.drain()

    async with serving(talk) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.PROTOCOL


async def test_many_headers_come_back_up_to_16_kib(client: CurlClient):
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 990) for number in range(40))
    async with serving(
        answering(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n")
    ) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert len(answer.headers()) == 16


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nA",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: x\r\n",
    ],
)
async def test_a_part_of_an_answer_is_no_answer(client: CurlClient, part: bytes):
    async with serving(closing_after(part)) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.RESET


async def test_trailers_are_not_among_the_headers(client: CurlClient):
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n0\r\nRetry-After: 9\r\n\r\n"
    )
    async with serving(answering(chunked)) as server:
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert answer.headers() == (("Transfer-Encoding", "chunked"),)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"<html>this is HTTP/0.9</html>",
        b"\x00\x01\x02\x03\x04\x05\x06\x07",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-hex\r\n",
    ],
)
async def test_what_is_not_http_is_unreachable_by_protocol(client: CurlClient, garbage: bytes):
    async with serving(closing_after(garbage)) as server:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post(f"http://127.0.0.1:{server.port}/"))
    assert failed.value.fault is Fault.PROTOCOL
    assert failed.value.address == "127.0.0.1"


async def test_switching_protocols_unasked_is_no_answer(client: CurlClient):
    async with serving(
        answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
    ) as server:
        with pytest.raises((Unreachable, TimedOut)):
            await client.post(a_post(f"http://127.0.0.1:{server.port}/", timeout_ms=500))


async def test_an_answer_given_before_the_whole_body_was_read_counts(client: CurlClient):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with serving(talk) as server:
        body = b"x" * 4_000_000
        answer = await client.post(a_post(f"http://127.0.0.1:{server.port}/", body=body))
    assert answer.status == 413
