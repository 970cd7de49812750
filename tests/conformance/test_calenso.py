"""Calenso: what its document promises, from the API to a receiver or a mailbox."""

from __future__ import annotations

import json
from email.message import EmailMessage

import pytest

from tests.api.running_api import pointers, problem_of
from tests.conformance.systems import AT_ONCE, TIME, Systems, a_path, created, done
from tests.mail.smtp_servers import attachment_of, message_of
from tests.running_pipeline import eventually

PROFILE = "calenso"
PLANS = {"basic": 1, "professional": 3, "business": 5, "enterprise": 10, "whitelabel": 10}
TYPE = "appointment.booking.created"
TYPES = [
    *("appointment.booking.created", "appointment.booking.cancelled", "appointment.updated"),
    *("appointment.manual.booking.created", "appointment.booking.rebooked"),
    *("event.booking.created", "event.booking.cancelled", "event.manual.booking.created"),
    *("event.booking.rebooked", "customer.created", "customer.updated", "customer.deleted"),
]
BOOKED = '{"uuid":"9b1c","customer":{"id":5,"tags":[]},"items":[{"id":1.50},{}],"n":null}'
NESTED = f'{{"event":"{TYPE}","timestamp":"{TIME}","data":{BOOKED}}}'
HEADER = "Ocp-Apim-Subscription-Key"
VALUE = "k3y-of-the-customer"
TEMPLATE = {"what": "$.event.type", "who": ["$.event.data.customer.id"], "by": "$.endpoint.id"}


def switched_on(systems: Systems, **members: object) -> str:
    return systems.api.new_account(profile=PROFILE, webhooks_enabled=True, **members)


@pytest.mark.parametrize(("plan", "limit"), PLANS.items())
def test_a_plan_allows_so_many_endpoints_and_one_more_is_refused(
    systems: Systems, plan: str, limit: int
):
    account = systems.api.new_account(profile=PROFILE, plan=plan)
    owner = systems.key_of(account)
    # Inactive ones count, and those that are e-mail addresses.
    kinds = [{"email": "desk@praxis.example"}, {"url": "https://example.com/", "active": False}]
    for number in range(limit):
        created(owner, account, **kinds[number % 2])
    at = f"/v1/accounts/{account}/endpoints"
    for client in (owner, systems.api.operator):
        problem = problem_of(client.post(at, json={"url": "https://example.com/"}), 403)
        assert problem["type"] == "quota"
        assert plan in problem["detail"]
        assert f"{limit} endpoints" in problem["detail"]


def test_a_lower_plan_deletes_nothing_and_stops_further_additions(systems: Systems):
    account = systems.api.new_account(profile=PROFILE, plan="professional")
    at = f"/v1/accounts/{account}/endpoints"
    ids = [
        systems.endpoint(account, url="https://example.com/")["id"]
        for _ in range(PLANS["professional"])
    ]
    done(systems.api.operator.patch(f"/v1/accounts/{account}", json={"plan": "basic"}))
    listed = systems.api.operator.get(at).json()["items"]
    assert sorted(one["id"] for one in listed) == sorted(ids)
    assert {one["status"] for one in listed} == {"active"}
    for removed in ids[:2]:
        assert systems.api.operator.post(at, json={"url": "https://example.com/"}).is_error
        done(systems.api.operator.delete(f"/v1/endpoints/{removed}"))
    problem_of(systems.api.operator.post(at, json={"url": "https://example.com/"}), 403)
    done(systems.api.operator.delete(f"/v1/endpoints/{ids[2]}"))
    systems.endpoint(account, url="https://example.com/")


def test_webhooks_are_off_at_first_and_what_happens_while_off_matches_nothing(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    owner, at = systems.key_of(account), f"/v1/accounts/{account}"
    assert owner.get(at).json()["webhooks_enabled"] is False
    systems.endpoint(account, path, order="strict")
    systems.publish(account, TYPE, '"off at first"')
    for number in range(2):
        done(owner.patch(at, json={"webhooks_enabled": True}))
        systems.publish(account, TYPE, f'"on {number}"')
        systems.plain.wait_for(number + 1, path=path)
        done(owner.patch(at, json={"webhooks_enabled": False}))
        systems.publish(account, TYPE, f'"off {number}"')
    done(owner.patch(at, json={"webhooks_enabled": True}))
    systems.publish(account, TYPE, '"last"')
    requests = systems.plain.wait_for(3, path=path)
    assert [json.loads(one.body)["data"] for one in requests] == ["on 0", "on 1", "last"]


def test_what_waits_is_held_while_webhooks_are_off(systems: Systems):
    account, path = switched_on(systems), a_path()
    at = f"/v1/accounts/{account}"
    endpoint = systems.endpoint(account, path, retry={"delays": ["2s"]}, order="none")
    systems.answer(path, 503)
    systems.publish(account, TYPE, BOOKED)
    systems.one(path)
    done(systems.api.operator.patch(at, json={"webhooks_enabled": False}))
    # Its time has come when it is back in its log.
    topic = endpoint["topic"]
    eventually(lambda: len(systems.api.pipeline.deliveries(topic)) == 2)
    assert len(systems.plain.to(path)) == 1
    done(systems.api.operator.patch(at, json={"webhooks_enabled": True}))
    first, second = systems.plain.wait_for(2, path=path)
    assert (first.webhook_id, first.body) == (second.webhook_id, second.body)
    assert systems.api.pipeline.committed("sender", topic).get(0, 0) >= 1


@pytest.mark.parametrize("name", ["Authorisation", "Ocp-Apim-Subscription-Key", "X-Own"])
def test_a_header_of_the_customers_own_is_sent_and_its_value_never_shown(
    systems: Systems, name: str
):
    account, path = switched_on(systems), a_path()
    owner = systems.key_of(account)
    auth = {"type": "header", "name": name, "value": VALUE}
    url = systems.plain.url(path)
    endpoint = created(owner, account, url=url, auth=auth, retry=AT_ONCE)
    shown = {"type": "header", "name": name, "value": "***"}
    assert endpoint["auth"] == shown
    one = owner.get(f"/v1/endpoints/{endpoint['id']}")
    assert one.json()["auth"] == shown
    systems.answer(path, 500)
    systems.publish(account, TYPE, BOOKED)
    for request in systems.plain.wait_for(2, path=path):
        assert request.header(name) == VALUE
    failed, _ = systems.attempts(endpoint["id"], 2)
    assert failed.request_headers is not None
    assert failed.request_headers[name] == "***"
    listed = owner.get(f"/v1/accounts/{account}/endpoints")
    for said in (one.text, listed.text, str(failed)):
        assert VALUE not in said


def test_an_endpoint_with_an_e_mail_address_gets_mails_and_no_request(systems: Systems):
    account, path = switched_on(systems), a_path()
    address = f"{path.strip('/')}@praxis.example"
    other = a_path()
    systems.endpoint(account, path, email=address)
    systems.endpoint(account, other)
    for _ in range(2):
        systems.publish(account, TYPE, BOOKED)
    systems.plain.wait_for(2, path=other)
    eventually(lambda: len(mails_to(systems, address)) == 2)
    names: set[str | None] = set()
    for message in mails_to(systems, address):
        attachment = attachment_of(message)
        assert attachment.get_content() == NESTED.encode()
        assert attachment.get_content_type() == "application/json"
        assert attachment.get_filename() == f"{TYPE}-{message['webhook-id']}.json"
        assert message["webhook-id"].startswith("msg_")
        names.add(attachment.get_filename())
    assert len(names) == 2
    assert systems.plain.to(path) == []


def mails_to(systems: Systems, address: str) -> list[EmailMessage]:
    return [message_of(mail) for mail in list(systems.mailbox.mails) if address in mail.rcpt_tos]


def test_a_mail_that_is_refused_is_tried_again_and_then_a_dead_letter(systems: Systems):
    account = switched_on(systems)
    retry = {"delays": ["1s"]}
    endpoint = systems.endpoint(account, email="full@praxis.example", retry=retry)
    systems.mailbox.at_data = "452 the mailbox is full"
    try:
        systems.publish(account, TYPE, BOOKED)
        (letter,) = systems.dead_letters(endpoint["id"], 1)
    finally:
        systems.mailbox.at_data = None
    assert (letter.reason, letter.attempts, letter.status) == ("exhausted", 2, 452)
    assert mails_to(systems, "full@praxis.example") == []


def test_an_endpoint_chooses_among_the_types_of_the_product(systems: Systems):
    account, chosen, every = switched_on(systems), a_path(), a_path()
    wanted = ["customer.*", "event.booking.cancelled"]
    systems.endpoint(account, chosen, event_types=wanted, order="strict")
    systems.endpoint(account, every)
    for event_type in TYPES:
        systems.publish(account, event_type, "{}")
    requests = systems.plain.wait_for(4, path=chosen)
    found = [json.loads(request.body)["event"] for request in requests]
    assert found == ["event.booking.cancelled", *TYPES[-3:]]
    all_of_them = systems.plain.wait_for(len(TYPES), path=every)
    assert {json.loads(request.body)["event"] for request in all_of_them} == set(TYPES)
    known = [known["type"] for known in systems.profile(PROFILE)["event_types"]["known"]]
    assert known == TYPES
    other = {"url": "https://example.com/", "event_types": ["booking.paid"]}
    refused = systems.api.operator.post(f"/v1/accounts/{account}/endpoints", json=other)
    assert pointers(refused) == ["/event_types/0"]


def test_each_hierarchy_is_as_the_endpoint_chose(systems: Systems):
    account = switched_on(systems)
    nested, flat, own, default = a_path(), a_path(), a_path(), a_path()
    systems.endpoint(account, default)
    systems.endpoint(account, nested, body={"format": "nested"})
    systems.endpoint(account, flat, body={"format": "flat"})
    templated = systems.endpoint(account, own, body={"template": TEMPLATE})
    systems.publish(account, TYPE, BOOKED)
    assert systems.one(default).body.decode() == NESTED
    assert systems.one(nested).body.decode() == NESTED
    assert systems.one(flat).body.decode() == (
        f'{{"event":"{TYPE}","timestamp":"{TIME}","data.uuid":"9b1c","data.customer.id":5,'
        '"data.customer.tags":[],"data.items.0.id":1.50,"data.items.1":{},"data.n":null}'
    )
    assert systems.one(own).body.decode() == (
        f'{{"what":"{TYPE}","who":[5],"by":"{templated["id"]}"}}'
    )


def test_keys_that_collide_when_flat_make_a_dead_letter(systems: Systems):
    account, flat, nested = switched_on(systems), a_path(), a_path()
    endpoint = systems.endpoint(account, flat, body={"format": "flat"})
    systems.endpoint(account, nested)
    systems.publish(account, TYPE, '{"a.b":1,"a":{"b":2}}')
    letter = systems.dead_event(endpoint["id"])
    assert letter.reason == "undecodable"
    assert "the key 'data.a.b'" in str(letter.error)
    assert letter.raw is not None
    systems.one(nested)
    assert systems.plain.to(flat) == []
