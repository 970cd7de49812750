"""Dead letters are sent again: each once, whatever happens to whoever does it."""

from __future__ import annotations

import pytest

from tests.faults.jobs import SECONDS, Jobs, running_jobs, times
from tests.receiver import Answer, Receiver, Request, accept
from tests.running_pipeline import RunningPipeline, eventually

EVENTS = 500


def refuse(_: Request) -> Answer:
    """Not a status that opens circuits."""
    return Answer(400)


def die(jobs: Jobs, receiver: Receiver, *, endpoint: str, count: int) -> None:
    """So many events become dead letters of the endpoint."""
    receiver.behaviour = refuse
    before = len(jobs.pipeline.dead_letters())
    jobs.pipeline.publish(
        {"account": "acme", "type": "made", "id": f"{endpoint}-{number}", "data": {"n": number}}
        for number in range(count)
    )
    eventually(
        lambda: len(jobs.pipeline.dead_letters()) >= before + count,
        seconds=SECONDS,
        text=lambda: str(len(jobs.pipeline.dead_letters())),
    )
    receiver.behaviour = accept


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_redrive_that_is_killed_twice_sends_each_dead_letter_once(
    pipeline: RunningPipeline, receiver: Receiver
):
    with running_jobs(pipeline) as jobs:
        topic = jobs.make_endpoint("acme", id="e-1", url=receiver.url("/e"), retry={"delays": []})
        die(jobs, receiver, endpoint="e-1", count=EVENTS)
        first = {request.webhook_id for request in receiver.to("/e")}
        receiver.requests.clear()
        ordered = jobs.ask("POST", "/v1/dead-letters/redrive", {"endpoint": "e-1", "rate": 200})
        assert ordered["count"] == EVENTS
        jobs.kill_scheduler_at(100, 300, receiver=receiver, path="/e")
        ended = jobs.wait_ended(f"/v1/dead-letters/redrive/{ordered['id']}")
        assert (ended["status"], ended["matched"]) == ("done", EVENTS)
        assert (ended["sent"], ended["skipped"], ended["unreadable"]) == (EVENTS, 0, 0)
        written = jobs.written(topic, ordered["id"])
        assert len(written) == EVENTS
        assert times([each.delivery_id for each in written]) == 1
        requests = receiver.wait_for(EVENTS, path="/e", seconds=SECONDS)
        assert {request.webhook_id for request in requests} == first
        assert {each.cause for each in written} == {"redrive"}
        assert {each.attempt for each in written} == {1}


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(200)
def test_what_was_delivered_since_it_died_is_not_sent_again(
    pipeline: RunningPipeline, receiver: Receiver
):
    with running_jobs(pipeline) as jobs:
        topic = jobs.make_endpoint("acme", id="e-1", url=receiver.url("/e"), retry={"delays": []})
        die(jobs, receiver, endpoint="e-1", count=5)
        letters = pipeline.dead_letters()
        first = jobs.ask(
            "POST", "/v1/dead-letters/redrive", {"ids": [letter.id for letter in letters[:2]]}
        )
        assert first["count"] == 2
        jobs.wait_ended(f"/v1/dead-letters/redrive/{first['id']}")
        eventually(lambda: sum(each.decision == "delivered" for each in pipeline.attempts()) == 2)
        rest = jobs.ask("POST", "/v1/dead-letters/redrive", {"reason": "exhausted"})
        assert rest["count"] == 3
        jobs.wait_ended(f"/v1/dead-letters/redrive/{rest['id']}")
        assert len(jobs.written(topic, rest["id"])) == 3
