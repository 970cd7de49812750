"""What was sent is read from Kafka and sent again, as long as it is kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection

import pytest

from pipeline.adapters.kafka.log_deletion import KafkaLogs
from pipeline.clock import now_ms
from pipeline.delivery_log import ARCHIVED_AFTER_MS
from pipeline.domain.delivery import Delivery
from pipeline.flow import Partition
from pipeline.registry import Access
from tests.api.delivery_facts import DeliveryFacts, LogApi
from tests.api.resource_api import OPERATOR_KEY, Answered

ACTIONS = (("GET", "raw"), ("GET", "download"), ("POST", "trigger"))


@pytest.fixture
def facts(log_api: LogApi) -> DeliveryFacts:
    return log_api.facts()


def read(facts: DeliveryFacts, delivery: Delivery, what: str) -> tuple[int, bytes, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", facts.api.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        connection.request("GET", f"/v1/deliveries/{delivery.delivery_id}/{what}", headers=headers)
        answer = connection.getresponse()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, answer.read(), lower
    finally:
        connection.close()


def statuses(facts: DeliveryFacts, delivery: Delivery) -> list[int]:
    """Of raw, download and trigger."""
    path = f"/v1/deliveries/{delivery.delivery_id}"
    return [facts.api.ask(method, f"{path}/{what}").status for method, what in ACTIONS]


def trigger(facts: DeliveryFacts, delivery: Delivery, **options: object) -> Answered:
    path = f"/v1/deliveries/{delivery.delivery_id}/trigger"
    return facts.api.ask("POST", path, **options)  # pyright: ignore[reportArgumentType] - as `ask` has them


def shown(facts: DeliveryFacts, delivery_id: str) -> dict[str, object]:
    return facts.api.ask("GET", f"/v1/deliveries/{delivery_id}").body


def test_the_body_is_answered_byte_for_byte_with_its_content_type(facts: DeliveryFacts):
    body = '{"n": 1.50,\n "ü":"\\/"}\n'.encode()
    delivery = facts.delivery(body=body, content_type="application/vnd.x+json")
    facts.tried(delivery)
    status, found, headers = read(facts, delivery, "raw")
    assert (status, found, headers["content-type"]) == (200, body, "application/vnd.x+json")
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-disposition" not in headers
    status, found, headers = read(facts, delivery, "download")
    assert (status, found) == (200, body)
    named = f'attachment; filename="{delivery.webhook_id}.json"'
    assert headers["content-disposition"] == named


def test_of_a_retried_delivery_the_latest_record_counts(facts: DeliveryFacts):
    delivery = facts.delivery()
    facts.tried(delivery._replace(body=b'"first"'), is_accepted=False)
    facts.tried(delivery._replace(body=b'"second"'), attempt=2, started_at_ms=now_ms() + 5)
    assert read(facts, delivery, "raw")[:2] == (200, b'"second"')


def test_nothing_is_answered_of_what_was_not_sent_yet(facts: DeliveryFacts):
    sent = facts.api.ask("POST", f"/v1/endpoints/{facts.endpoint['id']}/test").body["id"]
    assert statuses(facts, facts.delivery(delivery_id=sent)) == [409, 409, 409]


def test_what_died_untried_is_read_from_its_dead_letter(facts: DeliveryFacts):
    delivery = facts.delivery(body=b'"never sent"')
    facts.buried(delivery, reason="inactive", attempts=0, outcome=None, status=None)
    assert read(facts, delivery, "raw")[:2] == (200, b'"never sent"')
    assert trigger(facts, delivery).status == 202


def test_a_body_that_kafka_has_no_more_is_gone(facts: DeliveryFacts):
    delivery = facts.delivery()
    record = facts.tried(delivery).record
    KafkaLogs(facts.api.connection).delete(
        {Partition(record.topic, record.partition): record.offset + 1}
    )
    assert statuses(facts, delivery) == [410, 410, 410]
    answered = facts.api.ask("GET", f"/v1/deliveries/{delivery.delivery_id}/raw")
    assert "not in Kafka" in answered.body["detail"]


def test_another_delivery_at_its_place_is_not_taken_for_it(facts: DeliveryFacts):
    record = facts.tried(facts.delivery()).record
    delivery = facts.delivery()
    facts.tried(delivery, record=record)
    assert statuses(facts, delivery) == [410, 410, 410]


def test_a_topic_that_was_deleted_takes_its_bodies_with_it(facts: DeliveryFacts):
    delivery = facts.delivery()
    record = facts.tried(delivery).record
    gone = facts.delivery()
    facts.tried(gone, record=record._replace(topic=f"{facts.api.prefix}delivery.never"))
    assert facts.api.ask("GET", f"/v1/deliveries/{gone.delivery_id}/raw").status == 410
    assert read(facts, delivery, "raw")[0] == 200


def test_after_sixty_days_to_the_millisecond_it_is_archived_and_the_row_stays(
    log_api: LogApi, facts: DeliveryFacts
):
    delivery = facts.delivery()
    # The margin is for the time between the two questions.
    facts.tried(delivery, started_at_ms=now_ms() + 60_000)
    with log_api.ahead(ARCHIVED_AFTER_MS):
        assert shown(facts, delivery.delivery_id)["archived"] is False
        assert read(facts, delivery, "raw")[0] == 200
    with log_api.ahead(ARCHIVED_AFTER_MS + 60_000):
        body = shown(facts, delivery.delivery_id)
        assert (body["archived"], body["status"]) == (True, "delivered")
        assert statuses(facts, delivery) == [410, 410, 410]
        answered = trigger(facts, delivery)
        assert "after 60 days" in answered.body["detail"]


def test_a_trigger_is_a_delivery_of_its_own_with_the_same_webhook_id(facts: DeliveryFacts):
    delivery = facts.delivery(headers={"X-Kept": "yes", "Webhook-Replay": "rpl_1"}, attempt=3)
    facts.tried(delivery, is_accepted=False)
    answered = trigger(facts, delivery)
    assert answered.status == 202
    new = shown(facts, answered.body["id"])
    assert (new["status"], new["cause"], new["attempts"]) == ("pending", "trigger_again", 0)
    assert (new["original"], new["webhook_id"]) == (delivery.delivery_id, delivery.webhook_id)
    assert shown(facts, delivery.delivery_id)["times_triggered"] == 1
    sent = facts.api.deliveries(facts.topic)[-1]
    assert sent.delivery_id == answered.body["id"]
    assert sent.headers == {"X-Kept": "yes", "Webhook-Triggered-Again": "true"}
    assert (sent.body, sent.attempt, sent.due_at_ms) == (delivery.body, 1, None)
    assert sent.endpoint_version == facts.api.told(facts.endpoint["id"])[-1].version


def test_each_of_two_operators_who_trigger_at_once_gets_a_delivery(facts: DeliveryFacts):
    delivery = facts.delivery()
    facts.tried(delivery)
    with ThreadPoolExecutor(4) as operators:
        answers = list(operators.map(partial(trigger, facts), [delivery] * 4))
    assert [answered.status for answered in answers] == [202] * 4
    ids = {answered.body["id"] for answered in answers}
    assert len(ids) == 4
    assert ids <= {one.delivery_id for one in facts.api.deliveries(facts.topic)}
    assert shown(facts, delivery.delivery_id)["times_triggered"] == 4


def test_a_trigger_that_is_repeated_with_its_key_is_one(facts: DeliveryFacts):
    delivery, other = facts.delivery(), facts.delivery()
    facts.tried(delivery)
    facts.tried(other)
    headers = {"Idempotency-Key": f"again-{facts.account}"}
    answers = [trigger(facts, delivery, headers=headers) for _ in range(3)]
    assert [answered.status for answered in answers] == [202] * 3
    assert len({answered.body["id"] for answered in answers}) == 1
    sent = [one for one in facts.api.deliveries(facts.topic) if one.cause == "trigger_again"]
    assert len(sent) == 1
    assert shown(facts, delivery.delivery_id)["times_triggered"] == 1
    assert trigger(facts, other, headers=headers).status == 409
    bad = trigger(facts, other, headers={"Idempotency-Key": "ü".encode().decode("latin-1")})
    assert bad.pointers == ["#header/Idempotency-Key"]


def test_what_receives_nothing_now_is_not_triggered(facts: DeliveryFacts):
    delivery = facts.delivery()
    facts.tried(delivery)
    path = f"/v1/endpoints/{facts.endpoint['id']}"
    assert facts.api.ask("POST", f"{path}/deactivate").status == 200
    refused = trigger(facts, delivery)
    assert (refused.status, "activate" in refused.body["detail"]) == (409, True)
    assert facts.api.ask("DELETE", path).status == 204
    assert trigger(facts, delivery).status == 404
    assert shown(facts, delivery.delivery_id)["times_triggered"] == 0


def test_an_account_triggers_its_own_deliveries_alone(facts: DeliveryFacts):
    delivery = facts.delivery()
    facts.tried(delivery)
    api = facts.api
    keys = {
        api.key(facts.account): 202,
        api.key(facts.account, Access.READ): 403,
        api.key(api.account()): 404,
    }
    for key, status in keys.items():
        assert trigger(facts, delivery, key=key).status == status


def test_an_event_tells_where_it_went_and_why_not_elsewhere(facts: DeliveryFacts):
    api, account = facts.api, facts.account
    deaf = api.create(account, event_types=["never.*"])["id"]
    late = api.create(account)["id"]
    event_id = f"urn:x/{account}.1"
    document: dict[str, object] = {
        "id": event_id,
        "account": account,
        "type": "person.created",
        "data": {},
    }
    source = facts.produced(api.topology.events, json.dumps(document).encode())
    delivery = facts.delivery(event_id=event_id, source=source)
    facts.tried(delivery)
    body = api.ask("GET", f"/v1/events/{event_id}").body
    assert (body["id"], body["event"]["type"]) == (event_id, "person.created")
    assert [one["id"] for one in body["deliveries"]] == [delivery.delivery_id]
    reasons = {one["endpoint"]: one["reason"] for one in body["unmatched"]}
    assert reasons == {deaf: "event_type", late: "not_routed"}
    key = api.key(api.account())
    assert api.ask("GET", f"/v1/events/{event_id}", key=key).status == 404


def test_of_an_event_that_kafka_has_no_more_only_its_deliveries_are_told(facts: DeliveryFacts):
    source = facts.produced(facts.api.topology.events, b"no event")
    delivery = facts.delivery(source=source)
    facts.tried(delivery)
    body = facts.api.ask("GET", f"/v1/events/{delivery.event_id}").body
    assert (body["event"], body["unmatched"], len(body["deliveries"])) == (None, None, 1)
