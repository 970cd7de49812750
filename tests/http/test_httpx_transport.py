from __future__ import annotations

import gzip

import httpx
import pytest

from pipeline.adapters.http.curl_client import CurlClient, open_client
from pipeline.adapters.http.exchange import Blocked
from pipeline.adapters.http.httpx_transport import AddressBlocked, CurlTransport
from pipeline.domain.addresses import AddressRules
from tests.http.conftest import SETTINGS
from tests.http.servers import OK, Talk, answering, closing_after, serving, silence


async def test_httpx_sends_through_it(client: CurlClient):
    seen: list[bytes] = []
    created = b'HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 14\r\n\r\n{"token": "t"}'
    async with (
        serving(answering(created, seen=seen)) as server,
        httpx.AsyncClient(transport=CurlTransport(client), trust_env=False) as http,
    ):
        answer = await http.post(
            f"http://127.0.0.1:{server.port}/token?a=b",
            data={"grant_type": "client_credentials"},
            headers={"X-Case": "kept", "Accept": "application/json"},
        )
    assert (answer.status_code, answer.headers["x-a"], answer.json()) == (201, "b", {"token": "t"})
    assert answer.extensions["address"] == "127.0.0.1"
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /token?a=b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port)
    assert b"\r\nX-Case: kept\r\n" in head
    assert b"\r\nAccept: application/json\r\n" in head
    for absent in (b"accept-encoding", b"connection:", b"expect", b"transfer-encoding"):
        assert absent not in head.lower()
    assert head.lower().count(b"content-length") == 1
    assert body == b"grant_type=client_credentials"


async def test_a_request_without_body_keeps_its_method(client: CurlClient):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        request = httpx.Request("OPTIONS", f"http://127.0.0.1:{server.port}/")
        answer = await CurlTransport(client).handle_async_request(request)
    assert answer.status_code == 200
    assert seen[0].startswith(b"OPTIONS / HTTP/1.1\r\n")


async def test_a_compressed_answer_is_not_inflated(client: CurlClient):
    bomb = gzip.compress(b"\0" * 10_000_000)[:10_000]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with serving(answering(head + bomb)) as server:
        request = httpx.Request("POST", f"http://127.0.0.1:{server.port}/")
        answer = await CurlTransport(client).handle_async_request(request)
    assert await answer.aread() == bomb
    assert answer.extensions["content_encoding"] == ["gzip"]


@pytest.mark.parametrize(
    ("talk", "exception"),
    [
        (silence, httpx.ReadTimeout),
        (closing_after(b""), httpx.ReadError),
        (closing_after(b"garbage"), httpx.RemoteProtocolError),
    ],
)
async def test_failures_are_httpx_exceptions(
    client: CurlClient, talk: Talk, exception: type[Exception]
):
    async with (
        serving(talk) as server,
        httpx.AsyncClient(transport=CurlTransport(client), timeout=0.2, trust_env=False) as http,
    ):
        with pytest.raises(exception):
            await http.post(f"http://127.0.0.1:{server.port}/")


async def test_no_connection_is_a_connect_error(client: CurlClient):
    with pytest.raises(httpx.ConnectError):
        await CurlTransport(client).handle_async_request(
            httpx.Request("POST", "http://127.0.0.1:9")
        )


async def test_a_blocked_address_has_an_exception_of_its_own():
    async with open_client(SETTINGS._replace(rules=AddressRules())) as client:
        with pytest.raises(AddressBlocked) as blocked:
            await CurlTransport(client).handle_async_request(
                httpx.Request("POST", "http://169.254.169.254/")
            )
    assert isinstance(blocked.value.__cause__, Blocked)


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("POST", "http://user:password@a.test/"),
        httpx.Request("POST", "http://2130706433/"),
        httpx.Request("POST", "http://a.test/", headers={"x-a": "b\r\nc: d"}),
    ],
)
async def test_what_may_not_be_sent_is_refused(client: CurlClient, request_: httpx.Request):
    with pytest.raises(httpx.LocalProtocolError):
        await CurlTransport(client).handle_async_request(request_)
