"""Timekit: what its document promises, from the API to a receiver."""

from __future__ import annotations

import json

import pytest

from tests.conformance.systems import AT_ONCE, Systems, a_path, created
from tests.receiver import Answer

PROFILE = "timekit"
BOOKING = (
    '{"id":"0d7e7d52","state":"confirmed","graph":"confirm_decline","completed":false,'
    '"created_at":"2026-03-02T10:58:11+0000","updated_at":"2026-03-02T11:00:00+0000",'
    '"customers":[{"id":"5f1b","name":"Noor Haddad","email":"noor@example.org","timezone":'
    '"Europe/Copenhagen"}],"event":{"what":"Portrait","where":"Vesterbrogade 9/2",'
    '"description":"Æbleskiver 🥞"},"calendar":{},"attributes":{"customer":{},"event":{},'
    '"event_info":[]},"user":{"image":"https://img.example.org/u01.jpg"},"price":10.50,"more":null}'
)
AS_PHP = (
    '{"id":"0d7e7d52","state":"confirmed","graph":"confirm_decline","completed":false,'
    '"created_at":"2026-03-02T10:58:11+0000","updated_at":"2026-03-02T11:00:00+0000",'
    '"customers":[{"id":"5f1b","name":"Noor Haddad","email":"noor@example.org","timezone":'
    '"Europe\\/Copenhagen"}],"event":{"what":"Portrait","where":"Vesterbrogade 9\\/2",'
    '"description":"\\u00c6bleskiver \\ud83e\\udd5e"},"calendar":{},"attributes":{"customer":{},'
    '"event":{},"event_info":[]},"user":{"image":"https:\\/\\/img.example.org\\/u01.jpg"},'
    '"price":10.50,"more":null}'
)


def test_the_body_is_the_bare_booking_as_php_writes_it(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    created(systems.key_of(account), account, url=systems.plain.url(path))
    systems.publish(account, "booking.confirmed", BOOKING)
    request = systems.one(path)
    assert request.body.decode("ascii") == AS_PHP
    assert json.loads(request.body) == json.loads(BOOKING)


def test_an_endpoint_can_ask_for_some_of_the_states(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    wanted = ["booking.confirmed", "booking.cancelled"]
    systems.endpoint(account, path, event_types=wanted, order="strict")
    for state in ("created", "confirmed", "declined", "cancelled", "completed", "confirmed"):
        systems.publish(account, f"booking.{state}", f'{{"state":"{state}"}}')
    requests = systems.plain.wait_for(3, path=path)
    states = [json.loads(request.body)["state"] for request in requests]
    assert states == ["confirmed", "cancelled", "confirmed"]


def test_an_endpoint_can_ask_for_one_project(systems: Systems):
    account, one, every = systems.api.new_account(profile=PROFILE), a_path(), a_path()
    systems.endpoint(account, one, filter={"metadata.project": "p-1"}, order="strict")
    systems.endpoint(account, every)
    for number, project in enumerate(["p-2", "p-1", None, "p-10", "p-1"]):
        metadata = {} if project is None else {"metadata": {"project": project}}
        systems.publish(account, "booking.created", f'{{"id":"{number}"}}', **metadata)
    systems.plain.wait_for(5, path=every)
    requests = systems.plain.wait_for(2, path=one)
    assert [json.loads(request.body)["id"] for request in requests] == ["1", "4"]
    fields = [offered["field"] for offered in systems.profile(PROFILE)["filters"]]
    assert fields == ["metadata.project"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_taken(systems: Systems, status: int):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    endpoint = systems.endpoint(account, path, retry=AT_ONCE)
    systems.answer(path, status)
    systems.publish(account, "booking.created", BOOKING)
    (attempt,) = systems.attempts(endpoint["id"], 1)
    assert (attempt.outcome, attempt.status) == ("accepted", status)


def test_after_three_more_tries_a_delivery_is_recorded_as_failed(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    endpoint = systems.endpoint(account, path, retry=AT_ONCE)
    systems.answers[path] = [Answer(404)] * 5
    systems.publish(account, "booking.created", BOOKING)
    (letter,) = systems.dead_letters(endpoint["id"], 1)
    assert (letter.reason, letter.attempts, letter.status) == ("exhausted", 4, 404)
    assert letter.delivery is not None
    delivery = systems.api.pipeline.codec.decode_delivery(letter.delivery)
    assert delivery.body.decode("ascii") == AS_PHP
    requests = systems.plain.to(path)
    assert len(requests) == 4
    assert len({request.webhook_id for request in requests}) == 1
