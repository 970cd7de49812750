"""Deliveries that wait are shown, tried at once, or dropped; nothing is lost or done twice."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.domain.delivery import Attempt
from pipeline.domain.endpoint import Account, Endpoint, Order, RetryPolicy
from pipeline.flow import Partition
from tests.faults.jobs import Jobs, running_jobs
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, Receiver, accept, receiving
from tests.running_pipeline import eventually, running_pipeline

PROFILE = "twelve-twenty"
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def jobs(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Generator[Jobs]:
    folder = tmp_path_factory.mktemp("interventions")
    with (
        running_pipeline(broker.bootstrap_servers, folder) as pipeline,
        running_jobs(pipeline) as running,
    ):
        yield running


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with receiving() as running:
        # Not a status that opens circuits.
        running.behaviour = lambda _: Answer(400)
        yield running


def status_of(jobs: Jobs, method: str, path: str) -> int:
    return jobs.answered(method, path)[0]


def make(jobs: Jobs, receiver: Receiver, name: str, *delays_ms: int, **fields: Any) -> Endpoint:
    """In the tables alone."""
    jobs.pipeline.put_account(Account(name, PROFILE))
    endpoint = Endpoint(name, name, PROFILE, "", url=receiver.url(f"/{name}"))
    retry = RetryPolicy(delays_ms)
    return jobs.pipeline.put_endpoint(replace(endpoint, retry=retry, **fields))


def publish(jobs: Jobs, account: str) -> None:
    jobs.pipeline.publish([{"account": account, "type": "made", "id": f"{account}-1", "data": 1}])


def waiting_retry(jobs: Jobs, endpoint: str, *, attempts: int = 1) -> dict[str, Any]:
    """The endpoint's one delivery, once it waits after so many attempts."""
    found: list[dict[str, Any]] = []

    def waits() -> bool:
        found[:] = jobs.ask("GET", f"/v1/deliveries?endpoint={endpoint}")["items"]
        return [one["attempts"] for one in found] == [attempts]

    eventually(waits, text=lambda: str(found))
    return found[0]


def attempts(jobs: Jobs, endpoint: str) -> list[Attempt]:
    found = [each for each in jobs.pipeline.attempts() if each.endpoint == endpoint]
    return sorted(found, key=lambda each: each.attempt)


def wait_tiers_empty(jobs: Jobs) -> None:
    """Whatever waited has gone on, and was finished where it went to."""
    pipeline = jobs.pipeline
    tiers = [topic for topic in pipeline.topic_file.topics if pipeline.topology.tier_of(topic)]
    inquiry = Inquiry(pipeline.connection)

    def is_empty(group: str, topics: list[str]) -> bool:
        counts = inquiry.topics()
        places = [Partition(topic, n) for topic in topics for n in range(counts[topic])]
        committed = inquiry.committed(f"{pipeline.prefix}{group}", places)
        bounds = inquiry.bounds(places)
        return all(committed.get(one, 0) >= bounds[one].end for one in places)

    eventually(lambda: is_empty("scheduler", tiers), seconds=60)
    delivery = [topic for topic in inquiry.topics() if f"{pipeline.prefix}delivery." in topic]
    eventually(
        lambda: is_empty("sender", [pipeline.topology.shared_delivery, *delivery]), seconds=60
    )


@pytest.mark.parametrize("kind", ["own", "shared"])
def test_a_waiting_retry_is_tried_at_once_and_its_waiting_copy_never(
    jobs: Jobs, receiver: Receiver, kind: str
):
    topic = jobs.pipeline.topology.shared_delivery if kind == "shared" else ""
    make(jobs, receiver, f"now-{kind}", 10_000, 3_000, topic=topic)
    publish(jobs, f"now-{kind}")
    delivery = waiting_retry(jobs, f"now-{kind}")
    path = f"/v1/deliveries/{delivery['id']}/retry-now"
    with ThreadPoolExecutor(2) as operators:
        asked = [operators.submit(status_of, jobs, "POST", path) for _ in range(2)]
        statuses = [each.result() for each in asked]
    assert set(statuses) <= {202, 409}, statuses
    assert 202 in statuses
    receiver.wait_for(2, path=f"/now-{kind}", seconds=5)
    waiting_retry(jobs, f"now-{kind}", attempts=2)
    # All that it remembers is lost, and the copy in the tier comes later.
    jobs.pipeline.kill("sender")
    jobs.pipeline.run("sender")
    receiver.behaviour = accept
    wait_tiers_empty(jobs)
    made = [(each.attempt, each.decision) for each in attempts(jobs, f"now-{kind}")]
    assert made == [(1, "retry"), (2, "retry"), (3, "delivered")]
    assert len(receiver.to(f"/now-{kind}")) == 3
    assert status_of(jobs, "POST", path) == 409


def test_what_is_dropped_is_a_dead_letter_and_never_sent(jobs: Jobs, receiver: Receiver):
    make(jobs, receiver, "drop", 8_000)
    publish(jobs, "drop")
    delivery = waiting_retry(jobs, "drop")
    path = f"/v1/deliveries/{delivery['id']}"
    assert status_of(jobs, "DELETE", path) == 204
    shown = jobs.ask("GET", path)
    assert (shown["status"], shown["next_attempt_at"]) == ("dropped", None)
    assert status_of(jobs, "DELETE", path) == 409
    assert status_of(jobs, "POST", f"{path}/retry-now") == 409
    wait_tiers_empty(jobs)
    letters = [each for each in jobs.pipeline.dead_letters() if each.endpoint == "drop"]
    assert [(each.reason, each.attempts) for each in letters] == [("dropped", 1)]
    assert len(receiver.to("/drop")) == 1


def test_the_head_of_a_strict_topic_is_tried_at_once_where_it_stands(
    jobs: Jobs, receiver: Receiver
):
    make(jobs, receiver, "strict", 3_600_000, order=Order.STRICT)
    publish(jobs, "strict")
    delivery = waiting_retry(jobs, "strict")
    receiver.behaviour = accept
    path = f"/v1/deliveries/{delivery['id']}"
    assert status_of(jobs, "POST", f"{path}/retry-now") == 202
    receiver.wait_for(2, path="/strict", seconds=10)
    eventually(lambda: jobs.ask("GET", path)["status"] == "delivered")


def test_what_waits_is_told_from_the_tiers_and_the_log(jobs: Jobs, receiver: Receiver):
    members = {"retry": {"delays": ["1h"]}, "url": receiver.url("/shown")}
    jobs.make_endpoint("acme", id="shown", **members)
    path = "/v1/endpoints/shown/waiting"
    empty: dict[str, Any] = {"count": 0, "oldest_at": None, "items": [], "complete": True}
    assert jobs.ask("GET", path) == empty
    jobs.pipeline.publish(
        {"account": "acme", "type": "made", "id": f"shown-{n}", "data": n} for n in range(3)
    )
    receiver.wait_for(3, path="/shown")
    eventually(lambda: [one["next_attempt"] for one in _items(jobs, path)] == [2, 2, 2])
    found = jobs.ask("GET", f"{path}?limit=1")
    assert (found["count"], len(found["items"]), found["complete"]) == (3, 1, True)
    assert found["oldest_at"] == found["items"][0]["since"]
    jobs.ask("POST", "/v1/endpoints/shown/deactivate")
    jobs.pipeline.publish(
        {"account": "acme", "type": "made", "id": f"shown-{n}", "data": n} for n in (3, 4)
    )
    eventually(lambda: [one["next_attempt"] for one in _items(jobs, path)] == [2, 2, 2, 1, 1])
    for one in _items(jobs, path)[:3]:
        # Its sender does not read what is held: the order is kept, and comes true later.
        assert status_of(jobs, "DELETE", f"/v1/deliveries/{one['id']}") == 204
        assert jobs.ask("GET", f"/v1/deliveries/{one['id']}")["status"] == "dropped"
    untried = _drop_untried(jobs, path, event="shown-4")
    dropped = {one["event_id"]: one["dropped"] for one in _items(jobs, path)}
    assert dropped == {f"shown-{n}": n != 3 for n in range(5)}
    receiver.behaviour = accept
    jobs.ask("POST", "/v1/endpoints/shown/activate", {"waiting": "send"})
    receiver.wait_for(4, path="/shown")
    eventually(lambda: jobs.ask("GET", path)["count"] <= 3)
    assert len(receiver.to("/shown")) == 4
    eventually(lambda: status_of(jobs, "GET", f"/v1/deliveries/{untried}") == 200)
    assert jobs.ask("GET", f"/v1/deliveries/{untried}")["status"] == "dropped"
    audited = jobs.ask("GET", "/v1/audit?limit=20")["items"]
    assert untried in [one["subject"] for one in audited if one["kind"] == "drop"]


def _drop_untried(jobs: Jobs, path: str, *, event: str) -> str:
    """Its id. The log of deliveries does not know it."""
    (untried,) = [one["id"] for one in _items(jobs, path) if one["event_id"] == event]
    assert status_of(jobs, "DELETE", f"/v1/deliveries/{untried}") == 404
    assert status_of(jobs, "DELETE", f"{path}/{untried}") == 204
    assert status_of(jobs, "DELETE", f"{path}/dlv_nothing") == 404
    return untried


def _items(jobs: Jobs, path: str) -> list[dict[str, Any]]:
    return jobs.ask("GET", path)["items"]
