from __future__ import annotations

import pytest

from pipeline.adapters.http.curl_client import CurlClient
from pipeline.adapters.http.exchange import PreparedRequest
from pipeline.domain.urls import parse_url
from tests.http.conftest import a_post
from tests.http.servers import OK, answering, serving


async def test_a_request_goes_out_byte_for_byte_as_given(client: CurlClient):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        await client.post(
            a_post(
                f"http://127.0.0.1:{server.port}/a/../b?c=%20|d&",
                ("webhook-id", "msg_1"),
                ("X-CASE", "kept"),
                ("Content-Type", "application/json"),
                ("x-empty", ""),
                ("x-utf8", "naïve"),
                ("User-Agent", "pipeline/1"),
                body=b'{"a":\x00\xff}',
            )
        )
    assert seen == [
        b"POST /a/../b?c=%%20%%7Cd& HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"webhook-id: msg_1\r\n"
        b"X-CASE: kept\r\n"
        b"Content-Type: application/json\r\n"
        b"x-empty:\r\n"
        b"x-utf8: na\xc3\xafve\r\n"
        b"User-Agent: pipeline/1\r\n"
        b"Content-Length: 8\r\n\r\n"
        b'{"a":\x00\xff}' % server.port
    ]


async def test_a_request_without_headers_gets_none_of_libcurls(client: CurlClient):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        await client.post(a_post(f"http://127.0.0.1:{server.port}", body=b""))
    assert seen == [
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n\r\n" % server.port
    ]


async def test_a_header_that_libcurl_would_add_can_be_given(client: CurlClient):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        await client.post(a_post(f"http://127.0.0.1:{server.port}", ("Accept", "text/plain")))
    assert b"\r\nAccept: text/plain\r\n" in seen[0]


async def test_a_body_of_3_mib_goes_out_whole_and_without_expect(client: CurlClient):
    seen: list[bytes] = []
    body = bytes(range(256)) * 4 * 3_072
    async with serving(answering(OK, seen=seen)) as server:
        await client.post(a_post(f"http://127.0.0.1:{server.port}/", body=body))
    head, _, received = seen[0].partition(b"\r\n\r\n")
    assert received == body
    assert b"expect" not in head.lower()
    assert b"transfer-encoding" not in head.lower()


async def test_a_handle_that_sent_a_large_body_sends_the_next_one_right(client: CurlClient):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        await client.post(a_post(url, body=b"x" * 1_000_000))
        await client.post(a_post(url, body=b"small"))
    assert seen[1].endswith(b"Content-Length: 5\r\n\r\nsmall")


async def test_an_ipv6_literal_stands_in_brackets_in_the_host_header(client: CurlClient):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen), host="::1") as server:
        answer = await client.post(a_post(f"http://[::1]:{server.port}/"))
    assert answer.address == "::1"
    assert seen[0].startswith(b"POST / HTTP/1.1\r\nHost: [::1]:%d\r\n" % server.port)


@pytest.mark.parametrize(
    ("method", "body", "framing"),
    [
        ("GET", b"", b""),
        ("OPTIONS", b"", b""),
        ("DELETE", b"", b""),
        ("PUT", b"abc", b"Content-Length: 3\r\n"),
        ("POST", b"", b"Content-Length: 0\r\n"),
    ],
)
async def test_other_methods_are_framed_by_whether_they_have_a_body(
    client: CurlClient, method: str, body: bytes, framing: bytes
):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        await client.post(a_post(url, body=b"before"))
        await client.post(PreparedRequest(parse_url(url), [], body, 5_000, method=method))
        await client.post(a_post(url, body=b"after"))
    host = b"Host: 127.0.0.1:%d\r\n" % server.port
    assert seen[1] == method.encode() + b" / HTTP/1.1\r\n" + host + framing + b"\r\n" + body
    assert seen[2] == b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\n\r\nafter"


async def test_the_answer_to_a_head_request_has_no_body(client: CurlClient):
    headers_alone = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
    async with serving(answering(headers_alone, OK)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        head = await client.post(PreparedRequest(parse_url(url), [], b"", 5_000, method="HEAD"))
        post = await client.post(a_post(url))
    assert (head.status, head.body) == (200, b"")
    assert post.body == b"ok"
    assert server.connections == 1
