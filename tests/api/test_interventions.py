"""Retry now and drop: what is written for whoever owns the endpoint, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from pipeline.clock import now_ms
from pipeline.domain.delivery import Delivery
from pipeline.domain.delivery_state import State
from pipeline.domain.interventions import Intervention, Kind, done
from tests.api.delivery_facts import DeliveryFacts, LogApi
from tests.api.resource_api import OPERATOR_KEY
from tests.running_pipeline import eventually, read_all

LATER_MS = 3_600_000


@pytest.fixture
def facts(log_api: LogApi) -> DeliveryFacts:
    return log_api.facts()


def waiting(facts: DeliveryFacts, *, in_ms: int = LATER_MS) -> Delivery:
    """One that failed, and waits for its second attempt."""
    delivery = facts.delivery()
    facts.tried(delivery, is_accepted=False, next_attempt_at_ms=now_ms() + in_ms)
    return delivery


def asked(facts: DeliveryFacts, delivery_id: str) -> list[Intervention]:
    api = facts.api
    values = [value for _, _, value in read_all(api.servers, api.topology.interventions)]
    told = [api.codec.decode_intervention(value) for value in values]
    return [each for each in told if each.delivery == delivery_id]


def copies(facts: DeliveryFacts, delivery_id: str) -> list[Delivery]:
    """With the one that was tried."""
    api = facts.api
    values = [value for _, _, value in read_all(api.servers, facts.topic)]
    found = [api.codec.decode_delivery(value) for value in values]
    return [each for each in found if each.delivery_id == delivery_id]


def retry_now(facts: DeliveryFacts, delivery_id: str, key: str = OPERATOR_KEY) -> tuple[int, str]:
    answered = facts.api.ask("POST", f"/v1/deliveries/{delivery_id}/retry-now", key=key)
    return answered.status, str(answered.body.get("detail"))


def drop(facts: DeliveryFacts, delivery_id: str) -> int:
    connection = HTTPConnection("127.0.0.1", facts.api.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        connection.request("DELETE", f"/v1/deliveries/{delivery_id}", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_waiting_retry_is_called_forward_with_its_number_and_its_body(facts: DeliveryFacts):
    delivery = waiting(facts)
    assert retry_now(facts, delivery.delivery_id)[0] == 202
    first, copy = copies(facts, delivery.delivery_id)
    assert (copy.attempt, copy.due_at_ms, copy.body) == (2, None, first.body)
    (told,) = asked(facts, delivery.delivery_id)
    assert (told.kind, told.attempt, told.endpoint) == (
        Kind.RETRY_NOW,
        2,
        facts.endpoint["id"],
    )


def test_what_waits_for_no_retry_is_refused_with_the_reason(facts: DeliveryFacts):
    delivered = facts.delivery()
    facts.tried(delivered)
    dead = facts.delivery()
    facts.buried(dead)
    soon = waiting(facts, in_ms=200)
    untried = facts.api.ask("POST", f"/v1/endpoints/{facts.endpoint['id']}/test").body["id"]
    reasons = [
        retry_now(facts, each)
        for each in (delivered.delivery_id, dead.delivery_id, soon.delivery_id, untried)
    ]
    assert [status for status, _ in reasons] == [409, 409, 409, 409]
    texts = ("is delivered", "is dead", "is due", "first attempt")
    assert all(text in reason for text, (_, reason) in zip(texts, reasons, strict=True)), reasons
    assert asked(facts, soon.delivery_id) == []
    assert drop(facts, delivered.delivery_id) == drop(facts, dead.delivery_id) == 409


def test_anothers_deliveries_are_not_there(facts: DeliveryFacts):
    delivery = waiting(facts)
    other = facts.api.key(facts.api.account())
    assert retry_now(facts, delivery.delivery_id, other)[0] == 404
    assert retry_now(facts, "dlv_nobodys")[0] == 404
    assert asked(facts, delivery.delivery_id) == []


def test_an_inactive_endpoint_is_to_be_activated_first(facts: DeliveryFacts):
    delivery = waiting(facts)
    facts.api.ask("POST", f"/v1/endpoints/{facts.endpoint['id']}/deactivate")
    status, detail = retry_now(facts, delivery.delivery_id)
    assert (status, "activate it first" in detail) == (409, True)
    assert drop(facts, delivery.delivery_id) == 204
    shown = facts.api.ask("GET", f"/v1/deliveries/{delivery.delivery_id}").body
    assert shown["status"] == "dropped"


def test_what_is_dropped_says_so_at_once_though_no_sender_runs(facts: DeliveryFacts):
    delivery = waiting(facts)
    assert drop(facts, delivery.delivery_id) == 204
    shown = facts.api.ask("GET", f"/v1/deliveries/{delivery.delivery_id}").body
    assert (shown["status"], shown["next_attempt_at"]) == ("dropped", None)
    assert [each.kind for each in asked(facts, delivery.delivery_id)] == [Kind.DROP]
    assert drop(facts, delivery.delivery_id) == 409
    assert retry_now(facts, delivery.delivery_id)[0] == 409


def test_what_was_being_sent_when_it_was_dropped_is_told(facts: DeliveryFacts):
    delivery = waiting(facts)
    api = facts.api
    with ThreadPoolExecutor(1) as thread:
        dropping = thread.submit(drop, facts, delivery.delivery_id)
        eventually(lambda: len(asked(facts, delivery.delivery_id)) == 1)
        end = done(delivery.delivery_id, facts.endpoint["id"], attempt=2, state=State.DELIVERED)
        facts.produced(api.topology.interventions, api.codec.encode_intervention(end), key=end.key)
        assert dropping.result() == 409
