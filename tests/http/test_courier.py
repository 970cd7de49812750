from __future__ import annotations

import asyncio

import trustme

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import CurlClient, open_client
from pipeline.domain.addresses import REFUSED_TARGET, AddressRules
from pipeline.domain.delivery import Outcome
from pipeline.domain.endpoint import MutualTlsAuth
from pipeline.ports import Parcel, Sent
from pipeline.stages.sender.posting import Destination
from tests.http.conftest import SETTINGS
from tests.http.servers import OK, answering, serving, silence, wait_until


def a_parcel(url: str, **changes: object) -> Parcel:
    parcel = Parcel(url, (("content-type", "application/json"),), b"{}", 5_000)
    return parcel._replace(**changes)


async def test_an_answer_of_any_status_is_refused_with_all_that_came(client: CurlClient):
    courier = HttpCourier(client)
    later = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"
    seen: list[bytes] = []
    async with serving(answering(later, seen=seen)) as server:
        sent = await courier.send(a_parcel(f"http://127.0.0.1:{server.port}/hook"))
        await courier.send(a_parcel(f"http://127.0.0.1:{server.port}/hook"))
    assert (sent.outcome, sent.status, sent.body) == (Outcome.REFUSED, 503, b"busy")
    assert ("Retry-After", "7") in sent.headers
    assert (sent.error, sent.address) == (None, "127.0.0.1")
    assert sent.phases is not None
    assert set(sent.phases) == {"dns", "connect", "tls", "first_byte", "total"}
    assert b"\r\ncontent-type: application/json\r\n" in seen[0]
    assert seen[0] == seen[1]


async def test_silence_times_out(client: CurlClient):
    async with serving(silence) as server:
        parcel = a_parcel(f"http://127.0.0.1:{server.port}/", timeout_ms=100)
        sent = await HttpCourier(client).send(parcel)
    assert (sent.outcome, sent.status) == (Outcome.TIMED_OUT, None)
    assert sent.error is not None
    assert sent.phases is not None
    assert sent.phases["total"] >= 100


async def test_nobody_there_is_unreachable(client: CurlClient):
    sent = await HttpCourier(client).send(a_parcel("http://127.0.0.1:9/"))
    assert (sent.outcome, sent.error) == (Outcome.UNREACHABLE, "the connection was refused")


async def test_what_tenants_read_of_a_blocked_target_does_not_name_its_address():
    async with open_client(SETTINGS._replace(rules=AddressRules())) as client:
        sent = await HttpCourier(client).send(a_parcel("http://localhost:9/"))
    assert (sent.outcome, sent.error) == (Outcome.BLOCKED, REFUSED_TARGET)
    assert sent.address in {"127.0.0.1", "::1"}


async def test_a_url_that_was_never_fit_is_blocked_with_its_fault(client: CurlClient):
    sent = await HttpCourier(client).send(a_parcel("http://2130706433/"))
    assert sent.outcome == Outcome.BLOCKED
    assert sent.error is not None
    assert "looks like a number" in sent.error


async def test_a_header_or_certificate_that_cannot_be_sent_is_unreachable(client: CurlClient):
    courier = HttpCourier(client)
    parcel = a_parcel("http://127.0.0.1:9/", headers=(("x-a", "b\r\nc: d"),))
    sent = await courier.send(parcel)
    assert (sent.outcome, sent.error) == (
        Outcome.UNREACHABLE,
        "the header x-a has a line break or control character in it",
    )
    auth = MutualTlsAuth("no certificate", "no key")
    sent = await courier.send(a_parcel("https://127.0.0.1:9/", client_certificate=auth))
    assert sent.outcome == Outcome.UNREACHABLE
    assert sent.error is not None
    assert sent.error.startswith("the client certificate is not PEM")


async def test_a_client_certificate_is_read_once(client: CurlClient):
    issued = trustme.CA().issue_cert("sender.test")
    auth = MutualTlsAuth(
        issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()
    )
    parcel = a_parcel("https://127.0.0.1:9/", client_certificate=auth)
    destination = HttpCourier(client).destination(parcel, acknowledged=frozenset())
    for _ in range(2):
        sent = await _posted(destination)
        assert sent.error == "the connection was refused"


async def test_an_acknowledged_answer_is_accepted_and_any_other_is_refused(client: CurlClient):
    created = b"HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok"
    async with serving(answering(created, OK)) as server:
        destination = HttpCourier(client).destination(
            a_parcel(f"http://127.0.0.1:{server.port}/"), acknowledged=frozenset({201})
        )
        accepted, refused = await _posted(destination), await _posted(destination)
    assert (accepted.outcome, accepted.status) == (Outcome.ACCEPTED, 201)
    assert accepted.phases is not None
    assert list(accepted.phases) == ["total"]
    assert (accepted.headers, accepted.body, accepted.address) == ((), b"", None)
    assert (refused.outcome, refused.status, refused.body) == (Outcome.REFUSED, 200, b"ok")
    assert ("Content-Length", "2") in refused.headers


async def test_requests_to_a_destination_have_its_headers_and_their_own(client: CurlClient):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen)) as server:
        parcel = a_parcel(f"http://127.0.0.1:{server.port}/", headers=(("x-same", "s"),))
        destination = HttpCourier(client).destination(parcel, acknowledged=frozenset({200}))
        for number in ("1", "2"):
            await _posted(destination, ("x-own", number), body=number.encode())
    for number, request in zip((b"1", b"2"), seen, strict=True):
        assert b"\r\nx-same: s\r\nx-own: " + number + b"\r\n" in request
        assert request.endswith(b"\r\n\r\n" + number)


async def test_a_request_with_a_header_that_cannot_be_sent_ends_and_others_are_sent(
    client: CurlClient,
):
    async with serving(answering(OK)) as server:
        destination = HttpCourier(client).destination(
            a_parcel(f"http://127.0.0.1:{server.port}/"), acknowledged=frozenset({200})
        )
        refused = await _posted(destination, ("x-a", "b\r\nc: d"))
        accepted = await _posted(destination)
    assert refused.outcome == Outcome.UNREACHABLE
    assert refused.error == "the header x-a has a line break or control character in it"
    assert accepted.outcome == Outcome.ACCEPTED


async def test_a_request_that_nobody_waits_for_any_more_ends_with_its_connection(
    client: CurlClient,
):
    async with serving(silence) as server:
        destination = HttpCourier(client).destination(
            a_parcel(f"http://127.0.0.1:{server.port}/"), acknowledged=frozenset()
        )
        posting = destination.post((), b"", _never)
        await wait_until(lambda: server.connections == 1)
        posting.close()
        await wait_until(lambda: server.open_connections == 0)


async def test_what_is_under_way_when_the_client_closes_ends_as_unreachable():
    ended = asyncio.Event()
    async with serving(silence) as server:
        async with open_client(SETTINGS) as client:
            destination = HttpCourier(client).destination(
                a_parcel(f"http://127.0.0.1:{server.port}/"), acknowledged=frozenset()
            )
            posting = destination.post((), b"", ended.set)
            await wait_until(lambda: server.connections == 1)
        assert ended.is_set()
        assert posting.result().error == "the sender is shutting down"
        late = await _posted(destination)
        assert (late.outcome, late.error) == (Outcome.UNREACHABLE, "the sender is shutting down")


def _never() -> None:
    raise AssertionError("it was closed")


async def _posted(
    destination: Destination,
    *headers: tuple[str, str],
    body: bytes = b"{}",
) -> Sent:
    ended = asyncio.Event()
    posting = destination.post(headers, body, ended.set)
    async with asyncio.timeout(10):
        await ended.wait()
    return posting.result()
