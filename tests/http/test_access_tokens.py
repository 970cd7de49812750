"""Requests that carry an access token, with a real token server and a real receiver."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import CurlClient, open_client
from pipeline.domain.addresses import REFUSED_TARGET, AddressRules
from pipeline.domain.delivery import Outcome
from pipeline.domain.endpoint import OAuth2Auth
from pipeline.ports import Parcel, Sent
from pipeline.stages.sender.posting import Destination
from tests.http.conftest import SETTINGS
from tests.http.servers import read_request, serving, silence, wait_until

SECRET = "hush-hush-secret"


@dataclass
class World:
    """A token server that gives out token-1, token-2, ...; a receiver that takes some of them."""

    lifetime: object = 3600
    token_answer: bytes | None = None
    """Instead of a token."""
    waits: asyncio.Event | None = None
    """Where set, the token server answers when it is."""
    taken: set[str] = field(default_factory=set[str])
    """Tokens that the receiver takes; it takes all while this is empty."""
    given_out: int = 0
    token_requests: list[bytes] = field(default_factory=list[bytes])
    requests: list[bytes] = field(default_factory=list[bytes])
    token_url: str = ""
    url: str = ""

    async def give_tokens(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self.token_requests.append(await read_request(reader))
            if self.waits is not None:
                await self.waits.wait()
            self.given_out += 1
            token = {"access_token": f"token-{self.given_out}", "token_type": "Bearer"}
            body = json.dumps({**token, "expires_in": self.lifetime}).encode()
            writer.write(self.token_answer or _answer(200, body))
            await writer.drain()

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            self.requests.append(request)
            token = _token_of(request)
            if self.taken and token not in self.taken:
                writer.write(_answer(401, b"not " + token.encode(), b"X-Seen: " + token.encode()))
            else:
                writer.write(_answer(200, b"ok"))
            await writer.drain()

    def destination(self, courier: HttpCourier, **changes: object) -> Destination:
        auth = OAuth2Auth(self.token_url, "client", SECRET, "write")
        parcel = Parcel(self.url, (("x-team", "blue"),), b"", 5_000, authorization=auth)
        return courier.destination(parcel._replace(**changes), acknowledged=frozenset({200}))


def _answer(status: int, body: bytes, *headers: bytes) -> bytes:
    lines = (b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(body), *headers, b"", body)
    return b"\r\n".join(lines)


def _token_of(request: bytes) -> str:
    lines = request.decode().split("\r\n")
    (line,) = [line for line in lines if line.lower().startswith("authorization: bearer ")]
    return line.rpartition(" ")[2]


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    made = World()
    async with serving(made.give_tokens) as tokens, serving(made.receive) as receiver:
        made.token_url = f"http://127.0.0.1:{tokens.port}/token"
        made.url = f"http://127.0.0.1:{receiver.port}/hook"
        yield made


async def sent_to(destination: Destination, body: bytes = b"{}") -> Sent:
    ended = asyncio.Event()
    posting = destination.post((("webhook-id", "msg_1"),), body, ended.set)
    async with asyncio.timeout(10):
        await ended.wait()
    return posting.result()


async def test_a_token_is_fetched_once_and_sent_with_each_request(client: CurlClient, world: World):
    destination = world.destination(HttpCourier(client, user_agent="sender/1"))
    for _ in range(3):
        sent = await sent_to(destination)
        assert (sent.outcome, sent.status) == (Outcome.ACCEPTED, 200)
    assert [_token_of(request) for request in world.requests] == ["token-1"] * 3
    assert b"\r\nx-team: blue\r\nwebhook-id: msg_1\r\n" in world.requests[0]
    (asked,) = world.token_requests
    assert asked.startswith(b"POST /token HTTP/1.1\r\n")
    assert b"\r\nuser-agent: sender/1\r\n" in asked
    assert asked.endswith(b"\r\n\r\ngrant_type=client_credentials&scope=write")


async def test_requests_that_start_together_share_one_fetch(client: CurlClient, world: World):
    world.waits = asyncio.Event()
    destination = world.destination(HttpCourier(client))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sent_to(destination)) for _ in range(20)]
        await wait_until(lambda: bool(world.token_requests))
        world.waits.set()
    assert {task.result().outcome for task in tasks} == {Outcome.ACCEPTED}
    assert len(world.token_requests) == 1


async def test_versions_of_an_endpoint_with_the_same_credentials_share_a_token(
    client: CurlClient, world: World
):
    courier = HttpCourier(client)
    before = world.destination(courier)
    await sent_to(before)
    await sent_to(world.destination(courier, headers=()))
    assert world.given_out == 1


async def test_a_token_that_is_about_to_end_is_fetched_anew(client: CurlClient, world: World):
    world.lifetime = 0.05
    destination = world.destination(HttpCourier(client))
    loop = asyncio.get_running_loop()
    await sent_to(destination)
    started = loop.time()
    await wait_until(lambda: loop.time() > started + 0.06)
    await sent_to(destination)
    assert [_token_of(request) for request in world.requests] == ["token-1", "token-2"]


async def test_a_401_has_the_token_replaced_and_the_request_sent_again_once(
    client: CurlClient, world: World
):
    destination = world.destination(HttpCourier(client))
    await sent_to(destination)
    world.taken = {"token-2"}
    sent = await sent_to(destination, b'{"n":2}')
    assert sent.outcome is Outcome.ACCEPTED
    assert [_token_of(request) for request in world.requests] == ["token-1", "token-1", "token-2"]
    assert world.requests[1].split(b"\r\n\r\n")[1] == world.requests[2].split(b"\r\n\r\n")[1]


async def test_a_receiver_that_takes_no_token_does_not_have_one_fetched_for_each_request(
    client: CurlClient, world: World
):
    world.taken = {"none"}
    destination = world.destination(HttpCourier(client))
    for _ in range(5):
        sent = await sent_to(destination)
        assert (sent.outcome, sent.status) == (Outcome.REFUSED, 401)
    assert world.given_out == 2
    assert len(world.requests) == 6


async def test_a_token_that_a_receiver_repeats_is_not_in_what_is_kept(
    client: CurlClient, world: World
):
    world.taken = {"none"}
    sent = await sent_to(world.destination(HttpCourier(client)))
    assert sent.body == b"not ***"
    assert ("X-Seen", "***") in sent.headers
    assert "token-" not in str(sent)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (_answer(401, b'{"error":"invalid_client","why":"hush"}'), "answered 401 (invalid_client)"),
        (_answer(500, b"hush"), "answered 500"),
        (_answer(302, b"", b"Location: http://127.0.0.1:9/"), "answered 302"),
        (_answer(200, b"hush"), "answer is not JSON with an access_token"),
        (_answer(200, b'{"access_token":"' + b"a" * 100_000 + b'"}'), "is not JSON"),
    ],
)
async def test_no_token_is_the_outcome_of_the_attempt(
    client: CurlClient, world: World, answer: bytes, error: str
):
    world.token_answer = answer
    sent = await sent_to(world.destination(HttpCourier(client)))
    assert (sent.outcome, sent.status) == (Outcome.UNREACHABLE, None)
    assert sent.error is not None
    assert sent.error.startswith("no access token: the token endpoint")
    assert error in sent.error
    assert "hush" not in str(sent)
    assert not world.requests


async def test_what_the_token_server_says_of_when_to_come_back_is_heard(
    client: CurlClient, world: World
):
    world.token_answer = _answer(503, b"", b"Retry-After: 77", b"X-Other: x")
    sent = await sent_to(world.destination(HttpCourier(client)))
    assert sent.headers == (("Retry-After", "77"),)


async def test_after_a_failure_the_next_request_asks_again(client: CurlClient, world: World):
    world.token_answer = _answer(500, b"")
    destination = world.destination(HttpCourier(client))
    assert (await sent_to(destination)).outcome is Outcome.UNREACHABLE
    world.token_answer = None
    assert (await sent_to(destination)).outcome is Outcome.ACCEPTED


async def test_a_token_server_that_says_nothing_times_the_attempt_out(
    client: CurlClient, world: World
):
    async with serving(silence) as server:
        world.token_url = f"http://127.0.0.1:{server.port}/"
        destination = world.destination(HttpCourier(client), timeout_ms=100)
        sent = await sent_to(destination)
    assert sent.outcome is Outcome.TIMED_OUT
    assert sent.error == "no access token: no answer of the token endpoint within 100 ms"


async def test_the_time_that_the_token_took_is_missing_from_the_request(
    client: CurlClient, world: World
):
    world.waits = asyncio.Event()
    async with serving(silence) as receiver:
        world.url = f"http://127.0.0.1:{receiver.port}/"
        asyncio.get_running_loop().call_later(0.2, world.waits.set)
        sent = await sent_to(world.destination(HttpCourier(client), timeout_ms=400))
    assert sent.outcome is Outcome.TIMED_OUT
    assert sent.phases is not None
    assert 390 <= sent.phases["total"] < 590


async def test_the_token_url_is_guarded_like_any_other():
    async with open_client(SETTINGS._replace(rules=AddressRules())) as client:
        auth = OAuth2Auth("http://localhost:9/", "client", SECRET)
        parcel = Parcel("https://8.8.8.8/", (), b"", 5_000, authorization=auth)
        courier = HttpCourier(client)
        blocked = await sent_to(courier.destination(parcel, acknowledged=frozenset()))
        odd = parcel._replace(authorization=OAuth2Auth("http://0x7f.1/", "client", SECRET))
        unfit = await sent_to(courier.destination(odd, acknowledged=frozenset()))
    assert blocked.outcome is Outcome.BLOCKED
    assert blocked.error is not None
    assert blocked.error.endswith(REFUSED_TARGET)
    assert "127.0.0.1" not in blocked.error
    assert unfit.outcome is Outcome.BLOCKED
    assert unfit.error is not None
    assert "looks like a number" in unfit.error


async def test_what_waits_for_a_token_when_the_client_closes_ends(world: World):
    world.waits = asyncio.Event()
    async with open_client(SETTINGS) as client:
        ended = asyncio.Event()
        posting = world.destination(HttpCourier(client)).post((), b"", ended.set)
        await wait_until(lambda: bool(world.token_requests))
    async with asyncio.timeout(5):
        await ended.wait()
    assert posting.result().outcome is Outcome.UNREACHABLE


async def test_a_request_that_nobody_waits_for_any_more_is_not_sent(
    client: CurlClient, world: World
):
    world.waits = asyncio.Event()
    courier = HttpCourier(client)
    destination = world.destination(courier)
    posting = destination.post((), b"", _never)
    await wait_until(lambda: bool(world.token_requests))
    posting.close()  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType] - of the courier's own postings
    world.waits.set()
    assert (await sent_to(destination)).outcome is Outcome.ACCEPTED
    assert len(world.requests) == 1


def _never() -> None:
    raise AssertionError("it was closed")


async def test_neither_secret_nor_token_is_logged(
    client: CurlClient, world: World, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    destination = world.destination(HttpCourier(client))
    await sent_to(destination)
    world.token_answer = _answer(401, b"no")
    world.taken = {"none"}
    await sent_to(destination)
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert SECRET not in text
    assert "token-1" not in text
