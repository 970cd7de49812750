"""Statistics by the API: what was counted is what a recount of the attempts gives."""

from __future__ import annotations

import pytest

from pipeline.clock import now_ms
from tests.api.delivery_facts import DeliveryFacts, LogApi
from tests.storage.builders import a_failure, an_attempt

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def facts(log_api: LogApi) -> DeliveryFacts:
    return log_api.facts()


def attempts_of(facts: DeliveryFacts, endpoint: str, hours: int):
    """Over so many hours, back from now: in each one accepted and one that failed."""
    for number in range(hours):
        same = {
            "account": facts.account,
            "endpoint": endpoint,
            "started_at_ms": now_ms() - number * HOUR_MS,
        }
        name = f"dlv_{facts.account}-{endpoint}-{number}"
        yield an_attempt(delivery_id=f"{name}a", duration_ms=100.0, **same)
        status = None if number == 0 else 503
        yield a_failure(delivery_id=f"{name}b", duration_ms=2_000.0, status=status, **same)


def test_statistics_are_what_a_recount_gives_however_often_attempts_come(facts: DeliveryFacts):
    endpoint = facts.endpoint["id"]
    attempts = list(attempts_of(facts, endpoint, 30))
    facts.recorder.write(attempts, [], {})
    facts.recorder.write(attempts, [], {})
    body = facts.api.ask("GET", f"/v1/endpoints/{endpoint}/statistics").body
    assert (body["requests"], body["accepted"], body["acceptance"]) == (48, 24, 0.5)
    assert body["by_status"] == {"200": 24, "503": 23, "none": 1}
    assert len(body["series"]) == 24
    assert {(hour["requests"], hour["accepted"]) for hour in body["series"]} == {(2, 1)}
    assert body["since"] == body["series"][0]["time"]
    assert body["latency_ms"]["p50"] == pytest.approx(100, rel=0.26)
    assert body["latency_ms"]["p99"] == pytest.approx(2_000, rel=0.26)
    longer = facts.api.ask("GET", f"/v1/endpoints/{endpoint}/statistics?window=7d").body
    assert (longer["requests"], len(longer["series"])) == (60, 7 * 24)


def test_what_somebody_triggered_again_is_counted_apart_too(facts: DeliveryFacts):
    same = {"account": facts.account, "endpoint": facts.endpoint["id"], "started_at_ms": now_ms()}
    again = {**same, "cause": "trigger_again"}
    made = [
        an_attempt(delivery_id=f"dlv_{facts.account}-first", **same),
        an_attempt(delivery_id=f"dlv_{facts.account}-again", **again),
        a_failure(delivery_id=f"dlv_{facts.account}-failed", **again),
    ]
    facts.recorder.write(made, [], {})
    facts.recorder.write(made, [], {})
    body = facts.api.ask("GET", f"/v1/endpoints/{facts.endpoint['id']}/statistics").body
    assert (body["requests"], body["accepted"], body["triggered_again"]) == (3, 2, 2)


def test_an_account_has_the_statistics_of_all_its_endpoints(facts: DeliveryFacts):
    api = facts.api
    second = api.create(facts.account)["id"]
    for endpoint in (facts.endpoint["id"], second):
        facts.recorder.write(list(attempts_of(facts, endpoint, 2)), [], {})
    key = api.key(facts.account)
    body = api.ask("GET", f"/v1/accounts/{facts.account}/statistics", key=key).body
    assert (body["requests"], body["accepted"]) == (8, 4)
    whole = api.ask("GET", "/v1/statistics").body
    assert whole["requests"] >= 8
    assert api.ask("GET", "/v1/statistics", key=key).status == 403
    other = api.key(api.account())
    for path in (f"accounts/{facts.account}", f"endpoints/{second}"):
        assert api.ask("GET", f"/v1/{path}/statistics", key=other).status == 404


def test_several_endpoints_are_told_of_at_once_and_nothing_of_another_account(
    facts: DeliveryFacts,
):
    api = facts.api
    own, second = facts.endpoint["id"], api.create(facts.account)["id"]
    facts.recorder.write(list(attempts_of(facts, own, 30)), [], {})
    facts.recorder.write(list(attempts_of(facts, second, 2)), [], {})
    asked = f"endpoints={second},{own},none"
    found = api.ask("GET", f"/v1/statistics/by-endpoint?{asked}").body["items"]
    alone = [api.ask("GET", f"/v1/endpoints/{each}/statistics").body for each in (second, own)]
    assert found[:2] == [{**alone[0], "endpoint": second}, {**alone[1], "endpoint": own}]
    assert [one["requests"] for one in found] == [4, 48, 0]
    key, other = api.key(facts.account), api.key(api.account())
    path = f"/v1/statistics/by-endpoint?{asked}&window=7d"
    assert [one["requests"] for one in api.ask("GET", path, key=key).body["items"]] == [4, 60, 0]
    assert [one["requests"] for one in api.ask("GET", path, key=other).body["items"]] == [0, 0, 0]


def test_at_least_one_endpoint_and_at_most_a_hundred_are_told_of(facts: DeliveryFacts):
    for asked in ("", "?endpoints=", "?endpoints=e" + ",e" * 100, "?endpoints=a/b"):
        answer = facts.api.ask("GET", f"/v1/statistics/by-endpoint{asked}")
        assert answer.status == 422
        assert answer.pointers == ["#query/endpoints"]


def test_without_requests_there_is_nothing_to_divide(facts: DeliveryFacts):
    body = facts.api.ask("GET", f"/v1/endpoints/{facts.endpoint['id']}/statistics?window=60d").body
    assert (body["requests"], body["acceptance"], body["by_status"]) == (0, None, {})
    assert body["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert len(body["series"]) == 60 * 24


def test_a_window_that_is_none_is_refused(facts: DeliveryFacts):
    asked = f"/v1/endpoints/{facts.endpoint['id']}/statistics?window=1y"
    assert facts.api.ask("GET", asked).pointers == ["#query/window"]
