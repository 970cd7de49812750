"""Receivers are asked for their consent before anything is sent, and may give it later."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from pipeline.domain.endpoint import RateLimit
from tests.api.resource_api import ORIGIN, PUBLIC_URL, ResourceApi, resource_api
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, Receiver, Request, receiving

GRANTED = (("WebHook-Allowed-Origin", ORIGIN), ("WebHook-Allowed-Rate", "*"))


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResourceApi]:
    with resource_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that says nothing of consent, until a test has it answer otherwise."""
    with receiving(lambda _: Answer(200)) as one:
        yield one


def answer_with(receiver: Receiver, *headers: tuple[str, str]) -> None:
    def answer(_: Request) -> Answer:
        return Answer(200, headers)

    receiver.behaviour = answer


def callback_of(request: Request) -> str:
    url = request.header("WebHook-Request-Callback") or ""
    assert url.startswith(f"{PUBLIC_URL}/v1/handshakes/")
    return urlsplit(url).path


def test_a_receiver_that_consents_is_asked_at_its_url_and_gets_events(
    api: ResourceApi, receiver: Receiver
):
    answer_with(receiver, *GRANTED)
    created = api.create(
        api.account("cloudevents"),
        url=receiver.url("/hook?x=1"),
        rate_limit={"requests": 20, "per": "1s"},
    )
    assert (created["status"], created["status_reason"]) == ("active", None)
    (asked,) = receiver.requests
    assert asked.path == "/hook?x=1"
    assert asked.header("WebHook-Request-Origin") == ORIGIN
    assert asked.header("WebHook-Request-Rate") == "1200"
    # Known as pending before it was asked, so that nothing was sent by then.
    assert [one.status for one in api.told(created["id"])] == ["pending", "active"]


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("WebHook-Allowed-Origin", "other.example.com"),),
        (("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", "0")),
    ],
)
def test_without_consent_an_endpoint_is_pending_and_says_why(
    api: ResourceApi, receiver: Receiver, headers: tuple[tuple[str, str], ...]
):
    answer_with(receiver, *headers)
    created = api.create(api.account("cloudevents"), url=receiver.url(), active=True)
    assert (created["status"], created["active"]) == ("pending", False)
    assert created["status_reason"].startswith("the receiver has not consented yet: ")
    # An account's word does not stand for its receiver's.
    again = api.ask("POST", f"/v1/endpoints/{created['id']}/activate").body
    assert again["status"] == "pending"
    assert len(receiver.requests) == 2


def test_a_receiver_that_cannot_be_reached_has_not_consented(api: ResourceApi):
    created = api.create(api.account("cloudevents"), url="http://localhost.invalid/")
    assert created["status"] == "pending"


def test_a_granted_rate_limits_the_endpoint(api: ResourceApi, receiver: Receiver):
    answer_with(receiver, ("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", "120"))
    created = api.create(api.account("cloudevents"), url=receiver.url())
    assert created["rate_limit"] == {"requests": 120, "per": "1m"}
    # Less needs no further consent, more does.
    path = f"/v1/endpoints/{created['id']}"
    less = api.ask("PATCH", path, {"rate_limit": {"requests": 60}})
    assert (less.body["status"], len(receiver.requests)) == ("active", 1)
    answer_with(receiver)
    more = api.ask("PATCH", path, {"rate_limit": None})
    assert (more.body["status"], len(receiver.requests)) == ("pending", 2)


def test_another_url_is_asked_again_and_other_changes_are_not(api: ResourceApi, receiver: Receiver):
    answer_with(receiver, *GRANTED)
    created = api.create(api.account("cloudevents"), url=receiver.url("/a"))
    path = f"/v1/endpoints/{created['id']}"
    assert api.ask("PATCH", path, {"description": "x"}).body["status"] == "active"
    assert [request.path for request in receiver.requests] == ["/a"]
    answer_with(receiver)
    moved = api.ask("PATCH", path, {"url": receiver.url("/b")}).body
    assert (moved["status"], moved["url"]) == ("pending", receiver.url("/b"))
    assert [request.path for request in receiver.requests] == ["/a", "/b"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_receiver_may_call_back_to_consent(api: ResourceApi, receiver: Receiver, method: str):
    created = api.create(api.account("cloudevents"), url=receiver.url())
    callback = callback_of(receiver.requests[0])
    granted = api.ask(method, callback, key=None, headers={"WebHook-Allowed-Rate": "90"})
    assert (granted.status, granted.body) == (200, {"status": "granted"})
    endpoint = api.stored(created["id"])
    assert (endpoint.status, endpoint.rate_limit) == ("active", RateLimit(90, 60_000))
    assert api.told(created["id"])[-1].status == "active"
    # Once more does no harm, and changes nothing.
    assert api.ask(method, callback, key=None).status == 200
    assert api.stored(created["id"]) == endpoint


def test_a_callback_consents_to_what_was_asked_and_to_nothing_else(
    api: ResourceApi, receiver: Receiver
):
    created = api.create(api.account("cloudevents"), url=receiver.url("/a"))
    callback = callback_of(receiver.requests[0])
    path = f"/v1/endpoints/{created['id']}"
    api.ask("PATCH", path, {"url": receiver.url("/b")})
    assert api.ask("POST", callback, key=None).status == 404
    assert api.stored(created["id"]).status == "pending"
    newer = callback_of(receiver.requests[1])
    assert api.ask("POST", newer, key=None, headers={"WebHook-Allowed-Rate": "-1"}).pointers == [
        "#header/WebHook-Allowed-Rate"
    ]
    assert api.ask("DELETE", path).status == 204
    assert api.ask("POST", newer, key=None).status == 404


def test_a_token_that_was_tampered_with_is_none(api: ResourceApi, receiver: Receiver):
    created = api.create(api.account("cloudevents"), url=receiver.url())
    callback = callback_of(receiver.requests[0])
    prefix, token = callback.rsplit("/", 1)
    middle = len(token) // 2
    other = "A" if token[middle] != "A" else "B"
    for wrong in (token[:middle] + other + token[middle + 1 :], token[:-4], "x", "%F0%9F%92%A9"):
        assert api.ask("GET", f"{prefix}/{wrong}", key=None).status == 404
    assert api.stored(created["id"]).status == "pending"


def test_a_mailbox_is_not_asked(api: ResourceApi, receiver: Receiver):
    account = api.account("cloudevents")
    created = api.create(account, url=receiver.url(), email="orders@example.com")
    assert (created["status"], receiver.requests) == ("active", [])
    # But its URL is, as soon as it is to be used.
    path = f"/v1/endpoints/{created['id']}"
    assert api.ask("PATCH", path, {"email": None}).body["status"] == "pending"
    assert len(receiver.requests) == 1


def test_receivers_are_not_pestered_through_us(api: ResourceApi, receiver: Receiver):
    created = api.create(api.account("cloudevents"), url=receiver.url())
    path = f"/v1/endpoints/{created['id']}/activate"
    answers = [api.ask("POST", path).body for _ in range(31)]
    assert len(receiver.requests) == 30
    assert "too often" in answers[-1]["status_reason"]
