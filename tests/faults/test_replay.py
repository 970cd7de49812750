"""Past events are routed again: each once, whatever happens to whoever does it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.clock import now_ms
from tests.faults.jobs import SECONDS, Jobs, running_jobs, times
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

EVENTS = 500


def now_text() -> str:
    return datetime.fromtimestamp((now_ms() - 1) / 1000, UTC).isoformat()


def publish(jobs: Jobs, count: int, *, prefix: str = "p", event_type: str = "made") -> None:
    jobs.pipeline.publish(
        {"account": "acme", "type": event_type, "id": f"{prefix}{number}", "data": {"n": number}}
        for number in range(count)
    )


def replay(jobs: Jobs, **members: Any) -> Any:
    return jobs.ask("POST", "/v1/replays", members)


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_replay_that_is_killed_twice_sends_each_event_once(
    pipeline: RunningPipeline, receiver: Receiver
):
    with running_jobs(pipeline) as jobs:
        since = now_text()
        publish(jobs, EVENTS)
        # Made later than the events, and with a filter that half of them pass.
        topic = jobs.make_endpoint(
            "acme",
            id="late",
            url=receiver.url("/late"),
            filter={"data.n": {"$gte": 0}},
        )
        ordered = replay(jobs, endpoint="late", since=since, rate=200)
        jobs.kill_scheduler_at(100, 300, receiver=receiver, path="/late")
        ended = jobs.wait_ended(f"/v1/replays/{ordered['id']}")
        assert (ended["status"], ended["matched"], ended["sent"]) == ("done", EVENTS, EVENTS)
        written = jobs.written(topic, ordered["id"])
        assert len(written) == EVENTS
        assert times([each.delivery_id for each in written]) == 1
        requests = receiver.wait_for(EVENTS, path="/late", seconds=SECONDS)
        assert {request.header("Webhook-Replay") for request in requests} == {ordered["id"]}
        assert len({request.webhook_id for request in requests}) == EVENTS
        assert {each.cause for each in written} == {"replay"}


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(200)
def test_a_replay_takes_what_routing_would_and_keeps_ids_unless_new_ones_are_asked_for(
    pipeline: RunningPipeline, receiver: Receiver
):
    with running_jobs(pipeline) as jobs:
        topic = jobs.make_endpoint(
            "acme", id="e-1", url=receiver.url("/e"), filter={"data.n": {"$lt": 3}}
        )
        since = now_text()
        publish(jobs, 5)
        publish(jobs, 5, prefix="q", event_type="changed")
        first = {each.webhook_id for each in receiver.wait_for(6, path="/e")}
        dry = replay(jobs, endpoint="e-1", since=since, dry_run=True)
        dry = jobs.wait_ended(f"/v1/replays/{dry['id']}")
        assert (dry["status"], dry["matched"], dry["sent"]) == ("done", 6, 0)
        again = replay(jobs, account="acme", since=since, event_types=["made"])
        jobs.wait_ended(f"/v1/replays/{again['id']}")
        written = jobs.written(topic, again["id"])
        assert [json.loads(each.body)["data"]["n"] for each in written] == [0, 1, 2]
        assert {each.webhook_id for each in written} < first
        renewed = replay(jobs, endpoint="e-1", since=since, new_ids=True)
        jobs.wait_ended(f"/v1/replays/{renewed['id']}")
        new = {each.webhook_id for each in jobs.written(topic, renewed["id"])}
        assert len(new) == 6
        assert not new & first
        eventually(lambda: sum(each.decision == "delivered" for each in pipeline.attempts()) == 15)
        rest = replay(jobs, endpoint="e-1", since=since, only="undelivered")
        assert jobs.wait_ended(f"/v1/replays/{rest['id']}")["matched"] == 0


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(200)
def test_a_replay_writes_no_more_than_its_endpoint_takes_and_ends_when_it_is_cancelled(
    pipeline: RunningPipeline, receiver: Receiver
):
    with running_jobs(pipeline) as jobs:
        since = now_text()
        publish(jobs, 100)
        topic = jobs.make_endpoint("acme", id="e-1", url=receiver.url("/e"), max_in_flight=2)
        pipeline.stop("sender")
        ordered = replay(jobs, endpoint="e-1", since=since, rate=1000)
        path = f"/v1/replays/{ordered['id']}"
        eventually(lambda: len(jobs.written(topic, ordered["id"])) == 4)
        # Longer than the job looks again and again whether there is room.
        pause_until = time.monotonic() + 2
        eventually(lambda: time.monotonic() > pause_until)
        assert len(jobs.written(topic, ordered["id"])) == 4
        jobs.ask("DELETE", path)
        eventually(lambda: jobs.ask("GET", path)["updated_at"] is not None)
        assert jobs.ask("GET", path)["status"] == "cancelled"
        pipeline.run("sender")
        receiver.wait_for(4, path="/e")
        assert len(jobs.written(topic, ordered["id"])) == 4
