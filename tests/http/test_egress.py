from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from pipeline.adapters.http.curl_client import open_client
from pipeline.adapters.http.egress import ProxyRefused, parse_proxy
from pipeline.adapters.http.exchange import Blocked, Fault, Unreachable
from pipeline.domain.addresses import AddressRules
from pipeline.settings import SendingSettings
from pipeline.wiring.http_client import client_settings
from tests.http.conftest import SETTINGS, a_post, client_that_looks_up
from tests.http.servers import OK, Talk, answering, serving
from tests.http.test_tls import server_context


def relaying(asked: list[bytes], port: int) -> Talk:
    """A proxy that notes what it is asked for and relays to `port` on this machine."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        finally:
            far_writer.transport.abort()

    return talk


async def test_the_proxy_is_asked_for_the_vetted_address_and_told_no_secrets(tmp_path: Path):
    asked: list[bytes] = []
    seen: list[bytes] = []
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "own.pem"))
    async with (
        serving(answering(OK, seen=seen), tls=server_context(authority, "far.test")) as server,
        serving(relaying(asked, server.port)) as proxy,
    ):
        settings = SETTINGS._replace(
            rules=AddressRules(),
            additional_authorities=tmp_path / "own.pem",
            proxy=parse_proxy(f"http://127.0.0.1:{proxy.port}"),
        )
        async with client_that_looks_up(("93.184.216.34",), settings=settings) as client:
            request = a_post("https://far.test/hook", ("Authorization", "Bearer secret"))
            first = await client.post(request)
            second = await client.post(request)
    assert (first.status, second.status) == (200, 200)
    assert first.address == "93.184.216.34"
    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT 93.184.216.34:443 HTTP/1.1\r\n")
    assert b"secret" not in asked[0]
    assert b"Host: far.test\r\n" in seen[0]
    assert b"Authorization: Bearer secret\r\n" in seen[0]


async def test_plain_http_goes_through_a_tunnel_to_the_vetted_address_as_well():
    asked: list[bytes] = []
    seen: list[bytes] = []
    async with (
        serving(answering(OK, seen=seen)) as server,
        serving(relaying(asked, server.port)) as proxy,
    ):
        settings = SETTINGS._replace(
            rules=AddressRules(), proxy=parse_proxy(f"http://127.0.0.1:{proxy.port}")
        )
        async with client_that_looks_up(("2606:4700::1",), settings=settings) as client:
            answer = await client.post(a_post("http://far.test:8080/hook"))
    assert answer.address == "2606:4700::1"
    assert answer.headers() == (("Content-Length", "2"),)
    assert asked[0].startswith(b"CONNECT [2606:4700::1]:8080 HTTP/1.1\r\n")
    assert seen[0].startswith(b"POST /hook HTTP/1.1\r\nHost: far.test:8080\r\n")


async def test_the_address_rules_hold_behind_a_proxy():
    settings = SETTINGS._replace(rules=AddressRules(), proxy=parse_proxy("http://127.0.0.1:9"))
    async with client_that_looks_up(("10.0.0.1",), settings=settings) as client:
        with pytest.raises(Blocked):
            await client.post(a_post("https://inside.test/"))


@pytest.mark.parametrize("refusal", [b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", b""])
async def test_a_proxy_that_refuses_is_named_as_the_fault(refusal: bytes):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        await writer.drain()

    async with serving(talk) as proxy:
        settings = SETTINGS._replace(proxy=parse_proxy(f"http://127.0.0.1:{proxy.port}"))
        async with client_that_looks_up(("93.184.216.34",), settings=settings) as client:
            with pytest.raises(Unreachable) as failed:
                await client.post(a_post("https://far.test/"))
    assert failed.value.fault is Fault.PROXY


async def test_a_proxy_that_is_not_there_is_named_as_the_fault():
    settings = SETTINGS._replace(proxy=parse_proxy("http://127.0.0.1:9"))
    async with client_that_looks_up(("93.184.216.34",), settings=settings) as client:
        with pytest.raises(Unreachable) as failed:
            await client.post(a_post("https://far.test/"))
    assert failed.value.fault is Fault.PROXY


async def test_a_proxy_without_an_address_is_named_as_the_fault():
    def look_up(host: str) -> tuple[str, ...]:
        return ("93.184.216.34",) if host == "far.test" else ()

    settings = SETTINGS._replace(proxy=parse_proxy("http://proxy.test:3128"), lookup=look_up)
    async with open_client(settings) as client:
        with pytest.raises(Unreachable, match="the egress proxy has no address") as failed:
            await client.post(a_post("https://far.test/"))
    assert failed.value.fault is Fault.PROXY


@pytest.mark.parametrize(
    "url",
    [
        *("proxy.test:3128", "socks5://proxy.test", "http://", "http://proxy.test:99999", ""),
        *("http://me:se/cret@proxy.test", "http://me:secret@proxy.test/secret"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(url: str):
    with pytest.raises(ProxyRefused) as refused:
        parse_proxy(url)
    assert "cret" not in str(refused.value)


def test_a_proxy_has_a_port_by_default_that_libcurl_is_told():
    assert parse_proxy("http://[fd00::1]").host_and_port == "[fd00::1]:3128"
    assert parse_proxy("http://[fd00::1]").url == "http://[fd00::1]:3128"
    proxy = parse_proxy("https://me:secret@proxy.test/")
    assert (proxy.host_and_port, proxy.url) == (
        "proxy.test:443",
        "https://me:secret@proxy.test:443",
    )


async def test_a_password_goes_to_the_proxy_alone():
    asked: list[bytes] = []
    seen: list[bytes] = []
    async with (
        serving(answering(OK, seen=seen)) as server,
        serving(relaying(asked, server.port)) as proxy,
    ):
        proxy_of = parse_proxy(f"http://me:se%2Fcret@127.0.0.1:{proxy.port}")
        settings = SETTINGS._replace(rules=AddressRules(), proxy=proxy_of)
        async with client_that_looks_up(("93.184.216.34",), settings=settings) as client:
            await client.post(a_post("http://far.test/hook"))
    password = base64.b64encode(b"me:se/cret")
    assert b"Proxy-Authorization: Basic " + password in asked[0]
    assert b"roxy-" not in seen[0]


async def test_a_wrong_password_is_told_without_it():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(talk) as proxy:
        proxy_of = parse_proxy(f"http://me:secret@127.0.0.1:{proxy.port}")
        settings = SETTINGS._replace(rules=AddressRules(), proxy=proxy_of)
        async with client_that_looks_up(("93.184.216.34",), settings=settings) as client:
            with pytest.raises(Unreachable) as failed:
                await client.post(a_post("https://far.test/"))
    assert failed.value.fault is Fault.PROXY
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_tls_with_the_proxy_itself_is_checked(tmp_path: Path, *, is_trusted: bool):
    asked: list[bytes] = []
    authority, other = trustme.CA(), trustme.CA()
    (authority if is_trusted else other).cert_pem.write_to_path(str(tmp_path / "own.pem"))
    async with (
        serving(answering(OK)) as server,
        serving(relaying(asked, server.port), tls=server_context(authority, "127.0.0.1")) as proxy,
    ):
        settings = SETTINGS._replace(
            rules=AddressRules(),
            additional_authorities=tmp_path / "own.pem",
            proxy=parse_proxy(f"https://127.0.0.1:{proxy.port}"),
        )
        async with client_that_looks_up(("93.184.216.34",), settings=settings) as client:
            if is_trusted:
                assert (await client.post(a_post("http://far.test/"))).status == 200
                assert asked[0].startswith(b"CONNECT 93.184.216.34:80 ")
            else:
                with pytest.raises(Unreachable):
                    await client.post(a_post("http://far.test/"))
                assert asked == []


def test_a_proxy_in_the_settings_is_the_clients_and_a_wrong_one_is_told_by_its_name():
    found = client_settings(SendingSettings(proxy="http://proxy.test"))
    assert found.proxy == parse_proxy("http://proxy.test")
    with pytest.raises(ValidationError, match="must begin with one of http://, https://"):
        SendingSettings(proxy="socks5://proxy.test")
