"""Each system's requests, as its own documents tell a receiver to check them, over real sockets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import trustme

from pipeline.adapters.http.courier import HttpCourier
from pipeline.adapters.http.curl_client import ClientSettings, open_client
from pipeline.domain.addresses import parse_rules
from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import (
    Auth,
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    TokenAuth,
)
from pipeline.domain.verdict import DELIVERED, Dead, RetryAt
from pipeline.stages.sender.attempting import Tried, attempt_entry
from tests.http.servers import OK, answering, serving
from tests.stages.attempts import headers_of, try_once
from tests.stages.recipients import a_recipient, an_item

LOOPBACK = ClientSettings(rules=parse_rules(["127.0.0.0/8"]))


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


async def sent_over_http(
    courier: HttpCourier, *, said: bytes = OK, item: dict[str, Any] | None = None, **endpoint: Any
) -> tuple[dict[str, str], Tried]:
    """The headers of one request, and what came of it."""
    seen: list[bytes] = []
    async with serving(answering(said, seen=seen)) as server:
        recipient = a_recipient(courier, f"http://127.0.0.1:{server.port}/hook", **endpoint)
        tried = await try_once(recipient, an_item(**(item or {})))
    return headers_of(seen[0]), tried


SYSTEMS = ["twelve-twenty", "twelve-build", "twenty", "timekit", "calenso"]


@pytest.mark.parametrize("profile", [*SYSTEMS, "standard-webhooks", "cloudevents"])
async def test_every_request_names_itself_and_says_nothing_that_it_need_not(
    courier: HttpCourier, profile: str
):
    headers, _ = await sent_over_http(courier, profile=profile)
    assert headers["webhook-id"] == "msg_0"
    assert headers["user-agent"] == "sender/1"
    assert headers["content-type"] == "application/json"
    assert not {"expect", "accept", "accept-encoding"} & set(headers)


@pytest.mark.parametrize("profile", SYSTEMS)
@pytest.mark.parametrize("status", [200, 201, 202, 204, 226])
async def test_any_2xx_acknowledges_for_the_five(courier: HttpCourier, profile: str, status: int):
    said = answer(status) if status != 204 else b"HTTP/1.1 204 X\r\n\r\n"
    _, tried = await sent_over_http(courier, profile=profile, said=said)
    assert tried.verdict is DELIVERED


@pytest.mark.parametrize("profile", SYSTEMS)
async def test_a_410_is_a_failure_like_any_other_for_the_five(courier: HttpCourier, profile: str):
    _, tried = await sent_over_http(courier, profile=profile, said=answer(410))
    assert isinstance(tried.verdict, RetryAt)


@pytest.mark.parametrize("profile", ["standard-webhooks", "cloudevents"])
async def test_a_410_ends_the_delivery_for_the_others(courier: HttpCourier, profile: str):
    _, tried = await sent_over_http(courier, profile=profile, said=answer(410))
    assert tried.verdict == Dead(Reason.GONE)


@pytest.mark.parametrize(
    ("profile", "attempts"),
    [("twelve-twenty", 11), ("twelve-build", 4), ("timekit", 4), ("twenty", 10), ("calenso", 10)],
)
async def test_so_many_attempts_are_made_and_no_more(
    courier: HttpCourier, profile: str, attempts: int
):
    async with serving(answering(answer(500))) as server:
        recipient = a_recipient(courier, f"http://127.0.0.1:{server.port}/", profile=profile)
        last_but_one = await try_once(recipient, an_item(attempt=attempts - 1))
        last = await try_once(recipient, an_item(attempt=attempts))
    assert isinstance(last_but_one.verdict, RetryAt)
    assert last.verdict == Dead(Reason.EXHAUSTED)


# twelve-twenty: the token, over https alone.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def trusting(authority: trustme.CA, tmp_path: Path) -> AsyncGenerator[HttpCourier]:
    path = tmp_path / "own.pem"
    authority.cert_pem.write_to_path(str(path))
    async with open_client(LOOPBACK._replace(additional_authorities=path)) as client:
        yield HttpCourier(client)


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - names a library that is not there
    return context


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
async def test_the_token_of_twelve_twenty_is_sent_over_https(
    trusting: HttpCourier, authority: trustme.CA, scheme: str
):
    seen: list[bytes] = []
    async with serving(answering(OK, seen=seen), tls=server_context(authority)) as server:
        url = f"{scheme}://127.0.0.1:{server.port}/"
        with_token = a_recipient(
            trusting, url, profile="twelve-twenty", auth=TokenAuth("shared secret")
        )
        without = a_recipient(trusting, url, profile="twelve-twenty")
        assert (await try_once(with_token, an_item())).verdict is DELIVERED
        assert (await try_once(without, an_item())).verdict is DELIVERED
    assert b"\r\nX-12TWENTY-TOKEN: shared secret\r\n" in seen[0]
    assert b"twenty-token" not in seen[1].lower()


async def test_the_token_of_twelve_twenty_is_never_sent_over_plain_http(courier: HttpCourier):
    headers, tried = await sent_over_http(
        courier, profile="twelve-twenty", auth=TokenAuth("shared secret"), said=answer(500)
    )
    assert "x-12twenty-token" not in headers
    assert "shared secret" not in str(attempt_entry(an_item(), tried))


# twenty: its own signature.


async def test_twenty_signs_the_milliseconds_and_the_body_in_hexadecimal(courier: HttpCourier):
    headers, _ = await sent_over_http(
        courier, profile="twenty", item={"body": b'{"event":"person.created"}'}
    )
    timestamp = headers["x-twenty-webhook-timestamp"]
    assert timestamp == "1000000000"
    key = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # as text, whatever it looks like
    signed = timestamp.encode() + b':{"event":"person.created"}'
    expected = hmac.new(key, signed, hashlib.sha256).hexdigest()
    assert headers["x-twenty-webhook-signature"] == expected


# calenso: a header of the customer's own, and what was triggered again.


async def test_the_header_of_a_calenso_customer_is_sent_and_masked_in_the_log(
    courier: HttpCourier,
):
    auth = HeaderAuth("Ocp-Apim-Subscription-Key", "k3y-of-the-customer")
    headers, tried = await sent_over_http(courier, profile="calenso", auth=auth, said=answer(500))
    assert headers["ocp-apim-subscription-key"] == "k3y-of-the-customer"
    entry = attempt_entry(an_item(), tried)
    assert entry.request_headers is not None
    assert entry.request_headers["Ocp-Apim-Subscription-Key"] == "***"
    assert "k3y-of-the-customer" not in str(entry)


async def test_what_was_triggered_again_says_so(courier: HttpCourier):
    item = {"headers": {"Webhook-Triggered-Again": "true"}}
    headers, _ = await sent_over_http(courier, profile="calenso", item=item)
    assert headers["webhook-triggered-again"] == "true"


# cloudevents.


async def test_cloudevents_names_the_origin_that_was_consented_to(courier: HttpCourier):
    headers, _ = await sent_over_http(courier, profile="cloudevents", auth=BearerAuth("t0ken"))
    assert headers["webhook-request-origin"] == "https://origin.test"
    assert headers["authorization"] == "Bearer t0ken"


async def test_cloudevents_sends_both_modes(courier: HttpCourier):
    structured = {"content_type": "application/cloudevents+json"}
    headers, _ = await sent_over_http(courier, profile="cloudevents", item=structured)
    assert headers["content-type"] == "application/cloudevents+json"
    binary = {"headers": {"ce-specversion": "1.0", "ce-id": "evt", "ce-type": "made"}}
    headers, _ = await sent_over_http(courier, profile="cloudevents", item=binary)
    assert (headers["content-type"], headers["ce-id"]) == ("application/json", "evt")


async def test_cloudevents_reads_415_as_the_end_and_waits_as_long_as_a_429_says(
    courier: HttpCourier,
):
    _, not_understood = await sent_over_http(courier, profile="cloudevents", said=answer(415))
    _, throttled = await sent_over_http(
        courier, profile="cloudevents", said=answer(429, "Retry-After: 3600")
    )
    assert not_understood.verdict == Dead(Reason.FINAL)
    assert isinstance(throttled.verdict, RetryAt)
    assert throttled.verdict.due_at_ms >= throttled.ended_at_ms + 3_600_000


@pytest.mark.parametrize(("status", "takes"), [(200, True), (201, True), (202, True), (203, False)])
async def test_cloudevents_takes_four_statuses(courier: HttpCourier, status: int, takes: bool):  # noqa: FBT001 - an example
    _, tried = await sent_over_http(courier, profile="cloudevents", said=answer(status))
    assert (tried.verdict is DELIVERED) == takes


# Authentication of every kind, and that nothing of it is kept, even where a receiver repeats it.

CODE = base64.b64encode(b"user:pass:word").decode()


@pytest.mark.parametrize(
    ("auth", "sent", "secrets"),
    [
        (BearerAuth("bearer-t0ken"), "Bearer bearer-t0ken", ["bearer-t0ken"]),
        (BasicAuth("user", "pass:word"), f"Basic {CODE}", [CODE, "pass:word"]),
        (HeaderAuth("Authorization", "Own s3cret"), "Own s3cret", ["Own s3cret"]),
    ],
)
async def test_what_authenticates_is_in_no_log_even_where_a_receiver_repeats_it(
    courier: HttpCourier, auth: Auth, sent: str, secrets: list[str]
):
    echo = " ".join([sent, *secrets])
    headers, tried = await sent_over_http(
        courier, auth=auth, said=answer(500, f"X-Echo: {echo}", body=echo.encode())
    )
    assert headers["authorization"] == sent
    entry = attempt_entry(an_item(), tried)
    assert entry.request_headers is not None
    assert {name.lower(): v for name, v in entry.request_headers.items()}["authorization"] == "***"
    assert all(secret not in str(entry) for secret in secrets)


async def test_a_token_of_oauth2_is_sent_and_neither_it_nor_the_secret_is_in_the_log(
    courier: HttpCourier,
):
    token = answer(200, body=b'{"access_token":"t0p-secret","token_type":"Bearer"}')
    async with serving(answering(token)) as tokens:
        auth = OAuth2Auth(f"http://127.0.0.1:{tokens.port}/", "client", "client-s3cret")
        echo = b"t0p-secret client-s3cret"
        headers, tried = await sent_over_http(courier, auth=auth, said=answer(500, body=echo))
    assert headers["authorization"] == "Bearer t0p-secret"
    entry = attempt_entry(an_item(), tried)
    assert entry.request_headers is not None
    assert entry.request_headers["authorization"] == "***"
    assert entry.response_body == b"*** ***"
    assert entry.status == 500


async def test_no_token_is_a_failure_that_is_tried_again(courier: HttpCourier):
    async with serving(answering(answer(401, body=b'{"error":"invalid_client"}'))) as tokens:
        auth = OAuth2Auth(f"http://127.0.0.1:{tokens.port}/", "client", "client-s3cret")
        recipient = a_recipient(courier, "http://127.0.0.1:9/", auth=auth)
        tried = await try_once(recipient, an_item())
    assert isinstance(tried.verdict, RetryAt)
    entry = attempt_entry(an_item(), tried)
    assert (entry.outcome, entry.status) == ("unreachable", None)
    assert entry.error == "no access token: the token endpoint answered 401 (invalid_client)"


# mTLS.


def an_auth(authority: trustme.CA) -> MutualTlsAuth:
    issued = authority.issue_cert("sender.test")
    chain = "".join(pem.bytes().decode() for pem in issued.cert_chain_pems)
    return MutualTlsAuth(chain, issued.private_key_pem.bytes().decode())


async def test_an_endpoint_with_a_client_certificate_is_let_in_where_one_is_required(
    trusting: HttpCourier, authority: trustme.CA
):
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType] - as above
    async with serving(answering(OK), tls=context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        let_in = await try_once(a_recipient(trusting, url, auth=an_auth(authority)), an_item())
        nobody = await try_once(a_recipient(trusting, url), an_item())
        stranger = await try_once(a_recipient(trusting, url, auth=an_auth(trustme.CA())), an_item())
    assert let_in.verdict is DELIVERED
    for tried in (nobody, stranger):
        assert isinstance(tried.verdict, RetryAt)
        entry = attempt_entry(an_item(), tried)
        assert entry.outcome == "unreachable"
        assert "PRIVATE KEY" not in str(entry)


async def test_a_key_of_another_certificate_is_used_for_nothing(
    trusting: HttpCourier, authority: trustme.CA
):
    auth = MutualTlsAuth(an_auth(authority).certificate, an_auth(authority).private_key)
    tried = await try_once(a_recipient(trusting, "https://127.0.0.1:9/", auth=auth), an_item())
    assert tried.sent.error == "the private key does not belong to the client certificate"
