"""Which endpoints an event would reach, and why not the others."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.api.key_texts import hash_of, key_text
from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.identifiers import new_id
from pipeline.domain.relation import Relation
from pipeline.registry import Access, ApiKey
from tests.api.event_api import Answered, EventApi, event_api
from tests.kafka_broker import SessionBroker

PATH = "/v1/events/dry-run"
EVENT: dict[str, Any] = {"account": "acme", "type": "invoice.paid", "data": {"amount": 5}}
COMPANY: dict[str, Any] = {"type": "Company.updated", "data": 1, "subject": "company/7"}


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventApi]:
    with event_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        put_endpoints(running)
        yield running


def put_endpoints(api: EventApi) -> None:
    def put(name: str, account: str = "acme", **members: Any) -> None:
        given: dict[str, Any] = {
            "profile": "standard-webhooks",
            "url": "https://example.com/",
            **members,
        }
        api.put_endpoint(Endpoint(id=name, account=account, topic="t", **given))

    put("every")
    put("filtered", filter='{"data.amount":{"$gte":100}}')
    put("inactive", status=EndpointStatus.INACTIVE)
    put("other-type", event_types=("person.*",))
    put("removed", status=EndpointStatus.REMOVED)
    api.put_account(Account("off", "standard-webhooks", webhooks_enabled=False))
    put("off-1", "off")
    for account in ("b1", "b2"):
        api.put_account(Account(account, "twelve-build"))
        put(f"{account}-e", account, profile="twelve-build")
    api.put_relation(Relation("b1", "7", "gold"))


def tried(answered: Answered) -> dict[str, tuple[bool, str]]:
    assert answered.status == 200, answered.body
    return {one["endpoint"]: (one["receives"], one["reason"]) for one in answered.body["items"]}


def test_each_endpoint_of_the_account_is_told_with_the_reason(api: EventApi):
    answered = api.post(PATH, EVENT)
    assert tried(answered) == {
        "every": (True, "admitted"),
        "filtered": (False, "filter"),
        "inactive": (True, "held"),
        "other-type": (False, "event_type"),
    }
    assert answered.body["next"] is None
    assert all(one["detail"] for one in answered.body["items"])
    assert api.published() == []


def test_an_account_that_is_switched_off_gets_nothing(api: EventApi):
    found = tried(api.post(PATH, {**EVENT, "account": "off"}))
    assert found == {"off-1": (False, "webhooks_disabled")}


def test_a_star_decides(api: EventApi):
    assert tried(api.post(PATH, {**COMPANY, "account": "b1"})) == {"b1-e": (True, "admitted")}
    assert tried(api.post(PATH, {**COMPANY, "account": "b2"})) == {"b2-e": (False, "no_star")}


def test_an_event_for_everyone_is_tried_at_those_with_a_star(api: EventApi):
    assert tried(api.post(PATH, {**COMPANY, "account": "*"})) == {"b1-e": (True, "admitted")}
    nobody = {**COMPANY, "account": "*", "subject": "company/8"}
    assert tried(api.post(PATH, nobody)) == {}


def test_a_long_answer_comes_in_pieces(api: EventApi):
    first = api.post(f"{PATH}?limit=3", EVENT)
    assert list(tried(first)) == ["every", "filtered", "inactive"]
    second = api.post(f"{PATH}?limit=3&cursor={first.body['next']}", EVENT)
    assert list(tried(second)) == ["other-type"]
    assert second.body["next"] is None


def test_an_account_tries_its_own_events_alone(api: EventApi):
    key_id = new_id("key", now_ms=now_ms(), entropy=os.urandom(10))
    key = key_text(key_id, os.urandom(32))
    with api.registry.writing() as writer:
        writer.put_key(ApiKey(key_id, hash_of(key), "acme", Access.READ, "a key", now_ms()))
    assert api.post(PATH, EVENT, key=key).status == 200
    assert api.post(PATH, {**EVENT, "account": "off"}, key=key).status == 404
    assert api.post(PATH, {**EVENT, "account": "nobody"}, key=key).status == 404
    assert api.post(PATH, {**COMPANY, "account": "*"}, key=key).status == 403


def test_what_could_not_be_published_is_not_tried_either(api: EventApi):
    assert api.post(PATH, {**EVENT, "account": "nobody"}).status == 422
    assert api.post(PATH, {**EVENT, "type": "a b"}).status == 422
    assert api.post(PATH, {**COMPANY, "account": "b1", "subject": None}).status == 422
    assert api.post(PATH, b"{").status == 400


def test_an_endpoint_that_was_made_just_now_is_tried(api: EventApi):
    for number in range(30):
        api.put_account(Account(f"fresh-{number}", "standard-webhooks"))
        api.put_endpoint(
            Endpoint(f"new-{number}", f"fresh-{number}", "standard-webhooks", "t", url="https://a/")
        )
        found = tried(api.post(PATH, {**EVENT, "account": f"fresh-{number}"}))
        assert found == {f"new-{number}": (True, "admitted")}
