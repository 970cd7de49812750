"""The demo's receiver: it takes what is right, and nothing that only resembles it."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from pipeline.clock import now_ms
from pipeline.demo.bodies import BODIES, Occurrence
from pipeline.demo.contracts import CONTRACTS, Request, problems_of
from pipeline.demo.judge import Judge
from pipeline.demo.keys import demo_keys
from pipeline.demo.scenario import read_scenario

RUN = "r0123456789ab"
KEYS = demo_keys()
SCENARIO = read_scenario(RUN)
MINUTE_MS = 60_000


def body_of(contract: str, sample: str, *, endpoint: str = "ep", event_id: str = "e-1") -> bytes:
    return BODIES[contract](Occurrence(event_id, SCENARIO.event(sample), endpoint)).encode()


def a_request(contract: str, sample: str, **headers: str) -> Request:
    """As it has to be, but for the headers that are given; an empty one is left out."""
    body = body_of(contract, sample, endpoint=f"demo-{contract}")
    given = {
        "webhook-id": "msg_1",
        "User-Agent": "any",
        "Content-Type": CONTRACTS[contract].content_type,
        **right_headers(contract, body),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    present = {name.lower(): value for name, value in given.items() if value}
    return Request(f"demo-{contract}", present, body, now_ms())


def right_headers(contract: str, body: bytes) -> dict[str, str]:
    if contract == "twenty":
        return twenty_headers(body, at_ms=now_ms())
    if contract == "calenso":
        return {"Ocp-Apim-Subscription-Key": KEYS.token}
    if contract == "cloudevents":
        return {"WebHook-Request-Origin": "webhooks.localhost"}
    if contract.startswith("standard-webhooks"):
        return standard_headers(body, with_ed25519="ed25519" in contract)
    return {}


def twenty_headers(body: bytes, *, at_ms: int) -> dict[str, str]:
    signed = f"{at_ms}:".encode() + body
    signature = hmac.new(KEYS.text_secret.encode(), signed, hashlib.sha256).hexdigest()
    return {
        "X-Twenty-Webhook-Timestamp": str(at_ms),
        "X-Twenty-Webhook-Signature": signature,
    }


def standard_headers(body: bytes, *, with_ed25519: bool) -> dict[str, str]:
    at = now_ms() // 1000
    signatures = [
        Webhook(KEYS.hmac_secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
    ]
    if with_ed25519:
        key = Ed25519PrivateKey.from_private_bytes(KEYS.ed25519_seed)
        signatures.append("v1a," + b64encode(key.sign(f"msg_1.{at}.".encode() + body)).decode())
    return {"webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}


SAMPLES = {
    "twelve-twenty": "twelve-twenty.save_calendar_event",
    "twelve-build": "twelve-build.document.created",
    "twenty": "twenty.person.created",
    "timekit": "timekit.booking.confirmed",
    "calenso": "calenso.customer.deleted",
    "calenso-flat": "calenso.appointment.booking.created",
    "standard-webhooks": "shop.order.paid",
    "standard-webhooks-ed25519": "shop.order.paid",
    "cloudevents": "shop.order.paid",
}


def found(contract: str, **headers: str) -> list[str]:
    return problems_of(a_request(contract, SAMPLES[contract], **headers), CONTRACTS[contract], KEYS)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_request_that_is_as_it_has_to_be_has_no_problems(contract: str):
    assert found(contract) == []


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("name", ["Expect", "Accept", "Accept-Encoding"])
def test_headers_that_must_never_be_sent_are_seen(contract: str, name: str):
    assert found(contract, **{name: "any"}) == [f"{name} was sent"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_headers_that_must_always_be_sent_are_missed(contract: str):
    assert "User-Agent is missing" in found(contract, **{"User-Agent": ""})
    assert "webhook-id is missing" in found(contract, **{"webhook-id": ""})
    assert found(contract, **{"Content-Type": "text/plain"})


@pytest.mark.parametrize(
    ("contract", "headers"),
    [
        ("twelve-twenty", {"X-12TWENTY-TOKEN": KEYS.token}),
        ("twenty", {"X-Twenty-Webhook-Signature": "0" * 64}),
        ("twenty", {"X-Twenty-Webhook-Signature": ""}),
        ("twenty", {"X-Twenty-Webhook-Timestamp": "2026-03-02T10:00:00Z"}),
        ("calenso", {"Ocp-Apim-Subscription-Key": ""}),
        ("calenso", {"Ocp-Apim-Subscription-Key": f"{KEYS.token}, {KEYS.token}"}),
        ("standard-webhooks", {"webhook-signature": ""}),
        ("standard-webhooks", {"webhook-signature": "v1,AAAA"}),
        ("standard-webhooks", {"webhook-id": "msg_2"}),
        ("standard-webhooks", {"webhook-timestamp": "1"}),
        ("standard-webhooks-ed25519", {"webhook-signature": "v1a,AAAA"}),
        ("cloudevents", {"WebHook-Request-Origin": ""}),
    ],
)
def test_a_wrong_signature_or_secret_is_seen(contract: str, headers: dict[str, str]):
    assert found(contract, **headers)


def test_a_signature_of_long_ago_is_seen():
    body = body_of("twenty", SAMPLES["twenty"])
    old = twenty_headers(body, at_ms=now_ms() - 10 * MINUTE_MS)
    assert found("twenty", **old)


def test_the_hmac_is_not_enough_where_an_ed25519_signature_is_promised():
    wanted = a_request("standard-webhooks-ed25519", "shop.order.paid")
    signatures = wanted.header("webhook-signature")
    hmac_alone = signatures.split(" ")[0]
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    forged = f"{hmac_alone} v1a,{b64encode(other.sign(b'anything')).decode()}"
    for signature in (hmac_alone, forged):
        request = wanted._replace(headers={**wanted.headers, "webhook-signature": signature})
        assert problems_of(request, CONTRACTS["standard-webhooks-ed25519"], KEYS)


def test_bodies_are_the_products_own():
    assert body_of("twelve-twenty", "twelve-twenty.delete_calendar_event").decode() == (
        '{"Event":"delete_calendar_event",'
        '"Data":{"SyncId":990017,"OwnerEmailAddress":"lsimpson@springfield.example"}}'
    )
    booking = body_of("timekit", "timekit.booking.confirmed")
    assert rb'"where":"Vesterbrogade 9\/2","description":"\u00c6bleskiver afterwards"' in booking
    assert body_of("calenso-flat", "calenso.customer.deleted").decode() == (
        '{"event":"customer.deleted","timestamp":"2026-03-02T12:30:00Z","data.customer.id":311}'
    )
    document = body_of("twelve-build", "twelve-build.document.created", endpoint="ep_7")
    assert document.startswith(b'{"webhookId":"ep_7","action":"created","object":"Document",')
    assert document.endswith(b',"previous":null}')


def test_the_judge_answers_as_the_scenario_says_and_names_a_foreign_body():
    judge = Judge(SCENARIO, KEYS, run=RUN)
    fails = a_request("standard-webhooks", "shop.order.paid")._replace(endpoint="demo-fails-twice")
    assert [judge.answer(fails).status for _ in range(3)] == [500, 500, 200]
    foreign = fails._replace(endpoint="demo-standard", body=b'{"type":"order.paid"}')
    judge.answer(foreign)
    assert [one.sample for one in judge.seen()] == ["shop.order.paid"] * 3 + [None]
    assert "none of those expected" in judge.seen()[-1].problems[-1]
    assert judge.answer(fails._replace(endpoint="unknown")).status == 404


def test_what_another_run_has_left_is_taken_and_not_counted():
    judge = Judge(SCENARIO, KEYS, run=RUN)
    request = a_request("standard-webhooks", "shop.order.paid")
    left = request.body.replace(RUN.encode(), b"r999999999999")
    assert judge.answer(request._replace(endpoint="demo-gone", body=left)).status == 204
    assert judge.seen() == []
    assert judge.answer(request._replace(endpoint="demo-gone")).status == 410


def test_the_bodies_that_twenty_signs_are_what_javascript_leaves_unchanged():
    for sample in ("twenty.person.created", "twenty.company.deleted"):
        body = body_of("twenty", sample)
        assert (
            json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode() == body
        )
