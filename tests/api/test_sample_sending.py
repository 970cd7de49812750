"""Sample events by the API: one delivery, for one endpoint alone."""

import json
from collections.abc import Iterator

import pytest

from pipeline.clock import now_ms
from pipeline.registry import Access, EventType
from tests.api.resource_api import Answered, ResourceApi, resource_api
from tests.kafka_broker import SessionBroker


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResourceApi]:
    with resource_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


def send_sample(api: ResourceApi, endpoint: str, document: object = None) -> Answered:
    return api.ask("POST", f"/v1/endpoints/{endpoint}/test", document)


def test_a_sample_reaches_its_endpoint_whatever_it_asked_for_and_no_other(api: ResourceApi):
    account = api.account()
    created = api.create(account, event_types=["never.*"], filter={"data.a": 1})
    other = api.create(account)
    answered = send_sample(api, created["id"], {"type": "order.paid", "data": {"n": 1.5}})
    assert answered.status == 202
    (delivery,) = api.deliveries(created["topic"])
    assert answered.body == {"id": delivery.delivery_id}
    assert (delivery.cause, delivery.attempt, delivery.account) == ("test", 1, account)
    assert (delivery.endpoint, delivery.event_type) == (created["id"], "order.paid")
    body = json.loads(delivery.body)
    assert (body["type"], body["data"]) == ("order.paid", {"n": 1.5})
    # A sender that has not seen the endpoint as it is now waits until it has.
    assert delivery.endpoint_version == api.told(created["id"])[-1].version
    assert api.deliveries(other["topic"]) == []
    assert api.events(account) == []


@pytest.mark.parametrize(
    ("profile", "name"),
    [("twelve-build", "object"), ("calenso", "event"), ("timekit", "state"), ("twenty", "event")],
)
def test_each_profile_has_samples_of_its_own(api: ResourceApi, profile: str, name: str):
    created = api.create(api.account(profile))
    assert send_sample(api, created["id"]).status == 202
    (delivery,) = api.deliveries(created["topic"])
    assert name in json.loads(delivery.body)


def test_an_event_type_that_was_described_brings_its_own_sample(api: ResourceApi):
    created = api.create(api.account())
    described = EventType("parcel.sent", "", None, '{"parcel": 7}', now_ms(), now_ms())
    with api.registry.writing() as writer:
        writer.put_event_type(described)
    assert send_sample(api, created["id"], {"type": "parcel.sent"}).status == 202
    assert send_sample(api, created["id"], {"type": "parcel.sent", "data": None}).status == 202
    sent = [json.loads(one.body)["data"] for one in api.deliveries(created["topic"])]
    assert sent == [{"parcel": 7}, None]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"type": "a b"}, "/type"),
        ({"typ": "a"}, "/typ"),
        ({"data": "x" * (1 << 20)}, "/data"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(api: ResourceApi, document: object, pointer: str):
    created = api.create(api.account())
    assert send_sample(api, created["id"], document).pointers == [pointer]
    assert api.deliveries(created["topic"]) == []


def test_a_type_that_the_profile_does_not_have_is_refused(api: ResourceApi):
    created = api.create(api.account("calenso", webhooks_enabled=True))
    assert send_sample(api, created["id"], {"type": "person.created"}).pointers == ["/type"]


def test_what_receives_nothing_now_is_sent_no_sample(api: ResourceApi):
    created = api.create(api.account())
    api.ask("POST", f"/v1/endpoints/{created['id']}/deactivate")
    refused = send_sample(api, created["id"])
    assert (refused.status, "activate" in refused.body["detail"]) == (409, True)
    off = api.create(api.account("calenso", webhooks_enabled=False))
    assert send_sample(api, off["id"]).status == 409
    assert api.ask("DELETE", f"/v1/endpoints/{created['id']}").status == 204
    assert send_sample(api, created["id"]).status == 404


def test_an_account_tries_its_own_endpoints_alone(api: ResourceApi):
    account = api.account()
    mine, theirs = api.create(account)["id"], api.create(api.account())["id"]
    key = api.key(account)
    for endpoint, status in ((mine, 202), (theirs, 404), ("nobody", 404)):
        assert api.ask("POST", f"/v1/endpoints/{endpoint}/test", key=key).status == status
    reading = api.key(account, Access.READ)
    assert api.ask("POST", f"/v1/endpoints/{mine}/test", key=reading).status == 403
