"""The handshake with real targets."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pipeline.adapters.http.consent import ConsentDesk
from pipeline.adapters.http.curl_client import CurlClient, open_client
from pipeline.domain.addresses import REFUSED_TARGET, AddressRules
from pipeline.domain.consent import Consented, Refused
from tests.http.conftest import SETTINGS
from tests.http.servers import answering, closing_after, serving


class Question(NamedTuple):
    url: str
    origin: str
    callback_url: str | None = None
    per_minute: int | None = None


ORIGIN = "hooks.sender.test"
ASKED = Question("", ORIGIN)


def an_answer(status: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} X", "Content-Length: 0", *headers, "", ""]).encode()


async def ask(
    client: CurlClient, answer: bytes, question: Question = ASKED
) -> tuple[Consented | Refused, list[bytes]]:
    seen: list[bytes] = []
    async with serving(answering(answer, seen=seen)) as server:
        url = f"http://127.0.0.1:{server.port}/a%20hook?x=1&y=%2F"
        desk = ConsentDesk(client, user_agent="sender/1")
        return await desk.ask_consent(question._replace(url=url)), seen


async def test_the_exact_target_is_asked_with_the_headers_of_the_handshake(client: CurlClient):
    granted = an_answer(200, f"WebHook-Allowed-Origin: {ORIGIN}", "WebHook-Allowed-Rate: 120")
    question = Question("", ORIGIN, "https://sender.test/consent/s3cret", 600)
    consented, seen = await ask(client, granted, question)
    assert consented == Consented(120)
    (asked,) = seen
    assert asked.startswith(b"OPTIONS /a%20hook?x=1&y=%2F HTTP/1.1\r\n")
    for line in (
        b"WebHook-Request-Origin: hooks.sender.test",
        b"WebHook-Request-Callback: https://sender.test/consent/s3cret",
        b"WebHook-Request-Rate: 600",
        b"user-agent: sender/1",
    ):
        assert b"\r\n" + line + b"\r\n" in asked
    assert asked.endswith(b"\r\n\r\n")


async def test_what_is_not_asked_for_is_not_named(client: CurlClient):
    _, (asked,) = await ask(client, an_answer(204))
    assert b"Callback" not in asked
    assert b"Request-Rate" not in asked


@pytest.mark.parametrize("status", [200, 204, 405])
async def test_a_status_alone_is_no_consent(client: CurlClient, status: int):
    withheld, _ = await ask(client, an_answer(status, "Allow: POST, OPTIONS"))
    assert isinstance(withheld, Refused)


async def test_a_redirect_is_not_followed(client: CurlClient):
    async with serving(answering(an_answer(200, "WebHook-Allowed-Origin: *"))) as elsewhere:
        to = f"Location: http://127.0.0.1:{elsewhere.port}/"
        withheld, _ = await ask(client, an_answer(307, to))
        assert elsewhere.connections == 0
    assert isinstance(withheld, Refused)


@pytest.mark.parametrize("rate", ["0", "-1", "abc"])
async def test_a_rate_that_is_none_is_no_consent(client: CurlClient, rate: str):
    headers = (f"WebHook-Allowed-Origin: {ORIGIN}", f"WebHook-Allowed-Rate: {rate}")
    withheld, _ = await ask(client, an_answer(200, *headers))
    assert isinstance(withheld, Refused)


async def test_a_target_that_does_not_answer_withholds_it(client: CurlClient):
    desk = ConsentDesk(client, user_agent="sender/1")
    nobody = await desk.ask_consent(ASKED._replace(url="http://127.0.0.1:9/"))
    assert nobody == Refused("the target did not answer: the connection was refused")
    async with serving(closing_after(b"")) as server:
        dropped = await desk.ask_consent(ASKED._replace(url=f"http://127.0.0.1:{server.port}/"))
    assert isinstance(dropped, Refused)


async def test_the_target_is_guarded_and_its_address_not_told():
    async with open_client(SETTINGS._replace(rules=AddressRules())) as client:
        desk = ConsentDesk(client, user_agent="sender/1")
        assert await desk.ask_consent(ASKED._replace(url="http://localhost:9/")) == Refused(
            REFUSED_TARGET
        )
        odd = await desk.ask_consent(ASKED._replace(url="http://127.1/"))
    assert isinstance(odd, Refused)
    assert "looks like a number" in odd.reason


async def test_a_header_that_cannot_be_sent_is_no_consent(client: CurlClient):
    question = Question("http://127.0.0.1:9/", ORIGIN, "https://a.test/\r\nb: c")
    withheld = await ConsentDesk(client, user_agent="s").ask_consent(question)
    assert isinstance(withheld, Refused)
    assert "line break" in withheld.reason
