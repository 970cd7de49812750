from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest

from pipeline.adapters.http.curl_client import open_client
from pipeline.adapters.http.curl_exchange import CurlExchange, Dialling
from pipeline.adapters.http.curl_loop import CurlLoop, Ended, OnEnded
from pipeline.adapters.http.curl_options import HandleSettings
from pipeline.adapters.http.curl_sockets import watch_sockets
from pipeline.adapters.http.exchange import Blocked, Fault, TimedOut, Unreachable
from pipeline.adapters.http.guard import Guard
from pipeline.domain.addresses import AddressRules, parse_rules
from tests.http.conftest import LOOPBACK, SETTINGS, a_post, client_that_looks_up
from tests.http.servers import OK, answering, serving, wait_until


async def test_the_address_that_was_vetted_is_dialled_though_the_name_leads_elsewhere_by_then():
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        url = f"http://rebinding.test:{server.port}/"
        async with client_that_looks_up(("127.0.0.1",), ("10.0.0.1",)) as client:
            for _ in range(3):
                answer = await client.post(a_post(url))
                assert answer.address == "127.0.0.1"
    assert f"Host: rebinding.test:{server.port}".encode() in seen[0]


@pytest.mark.parametrize(
    "addresses",
    [
        ("10.0.0.1",),
        ("93.184.216.34", "10.0.0.1"),
        ("10.0.0.1", "93.184.216.34"),
        ("2606:4700::1", "::ffff:127.0.0.1"),
        ("64:ff9b::7f00:1",),
        ("fe80::1%eth0",),
        ("169.254.169.254",),
    ],
)
async def test_one_forbidden_address_blocks_a_name(
    addresses: tuple[str, ...], caplog: pytest.LogCaptureFixture
):
    async with client_that_looks_up(addresses) as client:
        with pytest.raises(Blocked) as blocked:
            await client.post(a_post("http://inside.test/"))
    assert blocked.value.address in addresses
    assert "inside.test may not be dialled" in caplog.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fc00::1]", "[64:ff9b::808:808]"]
)
async def test_a_forbidden_literal_is_blocked(host: str):
    async with open_client(SETTINGS._replace(rules=AddressRules())) as client:
        with pytest.raises(Blocked):
            await client.post(a_post(f"http://{host}/"))


async def test_localhost_is_blocked_by_what_the_system_says_of_it():
    async with open_client(SETTINGS._replace(rules=AddressRules())) as client:
        with pytest.raises(Blocked):
            await client.post(a_post("http://localhost/"))


async def test_a_name_that_the_operator_allows_may_lead_inside():
    settings = SETTINGS._replace(rules=parse_rules(["Receiver.Internal"]))
    async with (
        serving(answering(OK)) as server,
        client_that_looks_up(("127.0.0.1",), settings=settings) as client,
    ):
        answer = await client.post(a_post(f"http://RECEIVER.internal:{server.port}/"))
        assert answer.status == 200
        with pytest.raises(Blocked):
            await client.post(a_post(f"http://other.internal:{server.port}/"))


async def test_what_the_operator_allows_is_logged_at_the_start(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    settings = SETTINGS._replace(rules=parse_rules(["10.0.0.0/8", "receiver.internal"]))
    async with open_client(settings):
        pass
    assert "10.0.0.0/8" in caplog.text
    assert "receiver.internal" in caplog.text


async def test_the_next_vetted_address_is_dialled_where_one_refuses():
    async with (
        serving(answering(OK)) as server,
        client_that_looks_up(("::1", "127.0.0.9", "127.0.0.1")) as client,
    ):
        answer = await client.post(a_post(f"http://several.test:{server.port}/"))
    assert answer.address == "127.0.0.1"


async def test_a_socket_is_opened_only_to_an_address_that_was_vetted_for_this_very_request():
    async with serving(answering(OK)) as server:
        request = a_post(f"http://name.test:{server.port}/")
        entry = [f"name.test:{server.port}:127.0.0.1"]
        loop = CurlLoop(4, watch_sockets)
        exchange = CurlExchange(_handle_settings(), loop.socket_opened)
        exchange.prepare(request, Dialling(frozenset({"127.0.0.2"}), entry), 5_000)
        ended = await _ended(loop.start_at_once, exchange)
        failure = exchange.failure(ended.code, ended.text, 0.0)
        exchange.clear()
        exchange.prepare(request, Dialling(frozenset({"127.0.0.1"}), None), 5_000)
        assert (await _ended(loop.start, exchange)).code == 0
        loop.close()
        exchange.close()
    assert isinstance(failure, Blocked)
    assert failure.address == "127.0.0.1"
    assert server.connections == 1


async def test_libcurl_looks_no_name_up_itself():
    loop = CurlLoop(4, watch_sockets)
    exchange = CurlExchange(_handle_settings(), loop.socket_opened)
    for host in ("localhost", "127.0.0.1"):
        exchange.prepare(a_post(f"http://{host}:9/"), Dialling(frozenset({host}), None), 5_000)
        ended = await _ended(loop.start, exchange)
        assert f"resolving {host}:9" in ended.text
        exchange.clear()
    loop.close()
    exchange.close()


async def _ended(start: Callable[[CurlExchange, OnEnded], None], exchange: CurlExchange) -> Ended:
    ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
    start(exchange, ended.set_result)
    return await ended


def _handle_settings() -> HandleSettings:
    return HandleSettings(Path(certifi.where()), 60, 300, None)


async def test_a_name_is_looked_up_once_for_all_who_wait():
    looked_up: list[str] = []
    may_answer = threading.Event()

    def look_up(host: str) -> tuple[str, ...]:
        looked_up.append(host)
        assert may_answer.wait(10)
        return ("127.0.0.1",)

    guard = Guard(LOOPBACK, look_up)
    waiting = asyncio.gather(*(guard.vetted("a.test", 5_000) for _ in range(50)))
    await wait_until(lambda: bool(looked_up))
    may_answer.set()
    verdicts = await waiting
    assert looked_up == ["a.test"]
    assert all(verdict is verdicts[0] for verdict in verdicts)
    assert guard.known("a.test") is verdicts[0]
    assert 299 < verdicts[0].expires_at - asyncio.get_running_loop().time() <= 300
    guard.close()


async def test_a_miss_is_remembered_for_half_a_minute():
    looked_up: list[str] = []

    def look_up(host: str) -> tuple[str, ...]:
        looked_up.append(host)
        return ()

    guard = Guard(LOOPBACK, look_up)
    for _ in range(3):
        with pytest.raises(Unreachable) as failed:
            await guard.vetted("a.test", 5_000)
        assert failed.value.fault is Fault.DNS
    assert looked_up == ["a.test"]
    guard.close()


async def test_a_lookup_that_takes_too_long_ends_at_the_deadline_and_serves_the_next_request():
    may_answer = threading.Event()

    def look_up(_host: str) -> tuple[str, ...]:
        assert may_answer.wait(10)
        return ("127.0.0.1",)

    guard = Guard(LOOPBACK, look_up)
    with pytest.raises(TimedOut, match=r"looking up a\.test took longer than 50 ms"):
        await guard.vetted("a.test", 50)
    later = asyncio.gather(guard.vetted("a.test", 5_000))
    may_answer.set()
    assert (await later)[0].addresses == ("127.0.0.1",)
    guard.close()


async def test_names_that_hang_do_not_keep_others_waiting():
    may_answer = threading.Event()

    def look_up(host: str) -> tuple[str, ...]:
        if host.startswith("hangs"):
            assert may_answer.wait(10)
        return ("127.0.0.1",)

    guard = Guard(LOOPBACK, look_up)
    hanging = asyncio.gather(*(guard.vetted(f"hangs{number}.test", 5_000) for number in range(40)))
    assert (await guard.vetted("fine.test", 5_000)).addresses == ("127.0.0.1",)
    may_answer.set()
    await hanging
    guard.close()


async def test_closing_the_guard_answers_those_who_wait():
    may_answer = threading.Event()

    def look_up(_host: str) -> tuple[str, ...]:
        assert may_answer.wait(10)
        return ("127.0.0.1",)

    guard = Guard(LOOPBACK, look_up)
    waiting = asyncio.gather(guard.vetted("a.test", 5_000), return_exceptions=True)
    await asyncio.sleep(0)
    guard.close()
    (failure,) = await waiting
    assert isinstance(failure, Unreachable)
    assert failure.fault is Fault.CLOSED
    may_answer.set()


async def test_a_name_that_leads_inside_by_now_is_blocked_though_a_connection_is_open():
    settings = SETTINGS._replace(name_seconds=0.0)
    async with serving(answering(OK)) as server:
        url = f"http://turning.test:{server.port}/"
        answers = (("127.0.0.1",), ("127.0.0.1",), ("10.0.0.1",))
        async with client_that_looks_up(*answers, settings=settings) as client:
            for _ in range(2):
                assert (await client.post(a_post(url))).status == 200
            assert server.open_connections == 1
            with pytest.raises(Blocked):
                await client.post(a_post(url))


async def test_a_new_connection_goes_to_the_addresses_of_the_latest_lookup():
    settings = SETTINGS._replace(name_seconds=0.0)
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(closing), host="127.0.0.1") as server:
        url = f"http://moving.test:{server.port}/"
        answers = (("127.0.0.1",), ("127.0.0.2",))
        async with client_that_looks_up(*answers, settings=settings) as client:
            assert (await client.post(a_post(url))).address == "127.0.0.1"
            with pytest.raises(Unreachable) as failed:
                await client.post(a_post(url))
    assert failed.value.fault is Fault.REFUSED
