"""The log of deliveries by the API, on both databases."""

from __future__ import annotations

import pytest

from pipeline.clock import now_ms
from pipeline.domain.delivery import Position
from pipeline.domain.rfc3339 import time_text_of
from pipeline.registry import Access
from tests.api.delivery_facts import DeliveryFacts, LogApi
from tests.api.resource_api import OPERATOR_KEY

START_MS = 1_700_000_000_000


@pytest.fixture
def facts(log_api: LogApi) -> DeliveryFacts:
    return log_api.facts()


def listed(facts: DeliveryFacts, query: str) -> list[str]:
    """The ids, all in one piece."""
    answered = facts.api.ask("GET", f"/v1/deliveries?account={facts.account}&{query}")
    assert answered.status == 200, answered.body
    assert answered.body["next"] is None
    return [item["id"] for item in answered.body["items"]]


def at(seconds: int) -> str:
    return time_text_of((START_MS + seconds * 1_000) * 1_000)


def recorded(facts: DeliveryFacts) -> dict[str, str]:
    """Four deliveries, the oldest first: an accepted one, a retried one, a dead one and a test."""
    made = {
        "ok": facts.tried(facts.delivery(), started_at_ms=START_MS),
        "retried": facts.tried(
            facts.delivery(event_type="person.deleted"),
            is_accepted=False,
            started_at_ms=START_MS + 1_000,
        ),
        "dead": facts.tried(
            facts.delivery(subject="order/7"),
            is_accepted=False,
            decision="dead",
            status=404,
            started_at_ms=START_MS + 2_000,
        ),
        "test": facts.tried(facts.delivery(cause="test"), started_at_ms=START_MS + 3_000),
    }
    return {name: attempt.delivery_id for name, attempt in made.items()}


def test_deliveries_are_listed_by_each_filter_with_the_newest_first(facts: DeliveryFacts):
    made = recorded(facts)
    asked = {
        "": ["test", "dead", "retried", "ok"],
        f"endpoint={facts.endpoint['id']}": ["test", "dead", "retried", "ok"],
        "endpoint=other": [],
        f"event_id=evt_{made['dead'].removeprefix('dlv_')}": ["dead"],
        "type=person.deleted": ["retried"],
        "subject=order%2F7": ["dead"],
        "cause=test": ["test"],
        "status=delivered": ["test", "ok"],
        "status=retrying": ["retried"],
        "status=dead": ["dead"],
        "status=held": [],
        "status=dropped": [],
        "http_status=503": ["retried"],
        "http_status=4xx": ["dead"],
        "http_status=2xx": ["test", "ok"],
        f"since={at(1)}&until={at(3)}": ["dead", "retried"],
        "status=delivered&http_status=5xx": [],
    }
    for query, names in asked.items():
        assert listed(facts, query) == [made[name] for name in names], query


def test_pages_stay_as_they_are_while_newer_ones_come_in(facts: DeliveryFacts):
    ids = [
        facts.tried(facts.delivery(), started_at_ms=START_MS + number // 2).delivery_id
        for number in range(5)
    ]
    query, seen = "limit=2", list[str]()
    while True:
        answered = facts.api.ask("GET", f"/v1/deliveries?account={facts.account}&{query}")
        assert answered.status == 200, answered.body
        seen += [item["id"] for item in answered.body["items"]]
        facts.tried(facts.delivery())
        if answered.body["next"] is None:
            break
        query = f"limit=2&cursor={answered.body['next']}"
    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=lost", "#query/status"),
        ("http_status=600", "#query/http_status"),
        ("http_status=5x", "#query/http_status"),
        ("cause=chance", "#query/cause"),
        ("since=yesterday", "#query/since"),
        ("until=2026-13-01T00:00:00Z", "#query/until"),
        ("cursor=YWJj", "#query/cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTkgYQ", "#query/cursor"),
        ("limit=501", "#query/limit"),
        ("event=evt_1", "#query/event"),
    ],
)
def test_a_filter_that_is_none_is_refused(facts: DeliveryFacts, query: str, pointer: str):
    assert facts.api.ask("GET", f"/v1/deliveries?{query}").pointers == [pointer]


def test_an_account_sees_its_own_deliveries_alone(log_api: LogApi, facts: DeliveryFacts):
    theirs = log_api.facts()
    mine = facts.tried(facts.delivery()).delivery_id
    other = theirs.tried(theirs.delivery()).delivery_id
    key = facts.api.key(facts.account, Access.READ)
    answered = facts.api.ask("GET", "/v1/deliveries", key=key)
    assert [item["id"] for item in answered.body["items"]] == [mine]
    assert facts.api.ask("GET", f"/v1/deliveries/{mine}", key=key).status == 200
    for path in (f"/{other}", f"/{other}/raw", f"/{other}/download", "/dlv_none", "/dlv_none/raw"):
        assert facts.api.ask("GET", f"/v1/deliveries{path}", key=key).status == 404, path
    asked = f"/v1/deliveries?account={theirs.account}"
    assert facts.api.ask("GET", asked, key=key).status == 404


def test_one_delivery_has_its_attempts_with_all_that_was_kept(facts: DeliveryFacts):
    delivery = facts.delivery()
    facts.tried(delivery, is_accepted=False, started_at_ms=START_MS)
    facts.tried(delivery, attempt=2, started_at_ms=START_MS + 5_000)
    body = facts.api.ask("GET", f"/v1/deliveries/{delivery.delivery_id}").body
    assert (body["status"], body["http_status"], body["attempts"]) == ("delivered", 200, 2)
    assert (body["created_at"], body["last_attempt_at"]) == (at(0), at(5))
    assert (body["webhook_id"], body["event_id"]) == (delivery.webhook_id, delivery.event_id)
    first, second = body["attempt_log"]
    assert (first["attempt"], first["outcome"], first["http_status"]) == (1, "refused", 503)
    assert first["request_headers"] == {"content-type": "application/json"}
    assert first["response_headers"] == {"server": "sün"}
    assert first["response_body"] == "\0\N{REPLACEMENT CHARACTER}no"
    assert first["phases"] == {"dns": 1.5, "total": 12.5}
    assert (first["decision"], first["error"]) == ("retry", "the endpoint answered 503")
    assert (second["outcome"], second["decision"]) == ("accepted", "delivered")
    assert second["request_headers"] is None


def test_only_an_operator_learns_the_address_of_a_refused_target(facts: DeliveryFacts):
    blocked = facts.tried(
        facts.delivery(), is_accepted=False, outcome="blocked", status=None, address="10.0.0.7"
    )
    refused = facts.tried(facts.delivery(), is_accepted=False, address="192.0.2.1")
    key = facts.api.key(facts.account)

    def address(delivery_id: str, key: str = OPERATOR_KEY) -> str | None:
        body = facts.api.ask("GET", f"/v1/deliveries/{delivery_id}", key=key).body
        return body["attempt_log"][0]["address"]

    assert address(blocked.delivery_id) == "10.0.0.7"
    assert address(blocked.delivery_id, key=key) is None
    assert address(refused.delivery_id, key=key) == "192.0.2.1"


def test_what_an_inactive_endpoint_waits_for_is_held(facts: DeliveryFacts):
    retried = facts.tried(facts.delivery(), is_accepted=False).delivery_id
    path = f"/v1/endpoints/{facts.endpoint['id']}"
    assert facts.api.ask("POST", f"{path}/deactivate").status == 200
    assert facts.api.ask("GET", f"/v1/deliveries/{retried}").body["status"] == "held"
    assert listed(facts, "status=held") == [retried]
    assert listed(facts, "status=retrying") == []
    assert facts.api.ask("POST", f"{path}/activate").status == 200
    assert listed(facts, "status=retrying") == [retried]


def test_dead_letters_are_counted_by_their_reasons(facts: DeliveryFacts):
    for reason in ("exhausted", "gone", "exhausted"):
        facts.buried(facts.delivery(), reason=reason)
    path = "/v1/dead-letters/counts"
    body = facts.api.ask("GET", f"{path}?account={facts.account}").body
    assert [(one["reason"], one["count"]) for one in body["items"]] == [
        ("exhausted", 2),
        ("gone", 1),
    ]
    assert (body["total"], body["complete"]) == (3, True)
    of_one = facts.api.ask("GET", f"{path}?account={facts.account}&reason=gone").body
    assert of_one["total"] == 1
    other = facts.api.key(facts.api.account())
    assert facts.api.ask("GET", path, key=other).body["items"] == []
    assert facts.api.ask("GET", f"{path}?account={facts.account}", key=other).status == 404


def test_dead_letters_are_listed_by_their_filters_and_read_one_by_one(facts: DeliveryFacts):
    first = facts.buried(facts.delivery(), dead_at_ms=START_MS, reason="expired")
    second = facts.buried(facts.delivery(), dead_at_ms=START_MS + 1_000)

    def letters(query: str) -> list[str]:
        answered = facts.api.ask("GET", f"/v1/dead-letters?account={facts.account}&{query}")
        return [item["id"] for item in answered.body["items"]]

    assert letters("") == [second.id, first.id]
    assert letters("reason=expired") == [first.id]
    assert letters(f"since={at(1)}") == [second.id]
    assert letters(f"endpoint={facts.endpoint['id']}&limit=1") == [second.id]
    body = facts.api.ask("GET", f"/v1/dead-letters/{first.id}").body
    assert (body["delivery"], body["reason"], body["dead_at"]) == (first.id, "expired", at(0))
    assert body["record"]["topic"] == facts.api.topology.dead_letter
    other = facts.api.key(facts.api.account())
    assert facts.api.ask("GET", f"/v1/dead-letters/{first.id}", key=other).status == 404


def test_a_record_of_which_no_delivery_could_be_made_is_the_operators_to_see(
    facts: DeliveryFacts,
):
    letter_id = f"events.{facts.account}/0/17"
    facts.buried(
        facts.delivery(),
        id=letter_id,
        account=None,
        endpoint=None,
        delivery=None,
        reason="undecodable",
        source=Position(f"events.{facts.account}", 0, 17),
    )
    body = facts.api.ask("GET", f"/v1/dead-letters/{letter_id}").body
    assert (body["id"], body["delivery"], body["account"]) == (letter_id, None, None)
    key = facts.api.key(facts.account)
    assert facts.api.ask("GET", f"/v1/dead-letters/{letter_id}", key=key).status == 404


def test_a_sample_is_in_the_log_when_it_is_answered(facts: DeliveryFacts):
    before_ms = now_ms()
    sent = facts.api.ask("POST", f"/v1/endpoints/{facts.endpoint['id']}/test").body["id"]
    body = facts.api.ask("GET", f"/v1/deliveries/{sent}").body
    assert (body["status"], body["cause"], body["attempts"]) == ("pending", "test", 0)
    assert body["created_at"] >= time_text_of(before_ms // 1_000 * 1_000_000)[:19]
