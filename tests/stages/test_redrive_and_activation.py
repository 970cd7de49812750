"""Dead letters of endpoints on the shared topic: redriven, and sent or dropped at activation."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pipeline.resources import TOPICS_FILE
from tests.faults.jobs import Jobs, running_jobs
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, Receiver, accept, receiving
from tests.running_pipeline import eventually, running_pipeline

EVENTS = 3
pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def jobs(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Generator[Jobs]:
    """One endpoint may have a topic of its own, and has it; all others share one."""
    folder = tmp_path_factory.mktemp("activation")
    topics = folder / "topics.yaml"
    text = TOPICS_FILE.read_text()
    assert "dedicated_limit: 100" in text
    topics.write_text(text.replace("dedicated_limit: 100", "dedicated_limit: 1"))
    settings = {"PIPELINE_KAFKA__TOPICS_FILE": str(topics)}
    with (
        running_pipeline(broker.bootstrap_servers, folder, **settings) as pipeline,
        running_jobs(pipeline) as running,
    ):
        running.make_endpoint("acme", id="first", url="http://127.0.0.1:9/")
        yield running


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with receiving() as running:
        yield running


def make(jobs: Jobs, receiver: Receiver, name: str) -> None:
    jobs.ask("POST", "/v1/accounts", {"id": name, "profile": "standard-webhooks"})
    url = receiver.url(f"/{name}")
    topic = jobs.make_endpoint(name, id=name, url=url, retry={"delays": []})
    assert topic == jobs.pipeline.topology.shared_delivery


def die(jobs: Jobs, name: str) -> list[str]:
    """So many events become dead letters of the endpoint; their ids."""
    jobs.pipeline.publish(
        {"account": name, "type": "made", "id": f"{name}-{number}", "data": number}
        for number in range(EVENTS)
    )
    path = f"/v1/dead-letters?endpoint={name}"
    eventually(lambda: len(jobs.ask("GET", path)["items"]) == EVENTS)
    return [letter["id"] for letter in jobs.ask("GET", path)["items"]]


def test_dead_letters_of_the_shared_topic_are_sent_again_there(jobs: Jobs, receiver: Receiver):
    receiver.behaviour = lambda _: Answer(400)
    make(jobs, receiver, "shared")
    ids = die(jobs, "shared")
    first = {request.webhook_id for request in receiver.to("/shared")}
    receiver.behaviour = accept
    receiver.requests.clear()
    ordered = jobs.ask("POST", "/v1/dead-letters/redrive", {"endpoint": "shared"})
    assert ordered["count"] == EVENTS
    ended = jobs.wait_ended(f"/v1/dead-letters/redrive/{ordered['id']}")
    assert (ended["status"], ended["sent"], ended["skipped"]) == ("done", EVENTS, 0)
    requests = receiver.wait_for(EVENTS, path="/shared")
    assert {request.webhook_id for request in requests} == first
    written = jobs.written(jobs.pipeline.topology.shared_delivery, ordered["id"])
    assert len({each.delivery_id for each in written}) == len(written) == EVENTS
    eventually(lambda: _delivered(jobs, "shared") == EVENTS)
    again = jobs.ask("POST", "/v1/dead-letters/redrive", {"ids": ids})
    assert again["count"] == 0, "they were delivered since they died"


@pytest.mark.parametrize("waiting", ["send", "drop"])
def test_what_died_while_it_was_inactive_is_sent_or_not_as_its_owner_says(
    jobs: Jobs, receiver: Receiver, waiting: str
):
    make(jobs, receiver, waiting)
    jobs.ask("POST", f"/v1/endpoints/{waiting}/deactivate", {"reason": "moving house"})
    ids = die(jobs, waiting)
    letters = jobs.ask("GET", f"/v1/dead-letters?endpoint={waiting}")["items"]
    assert {letter["reason"] for letter in letters} == {"inactive"}
    redrive = "/v1/dead-letters/redrive"
    assert jobs.answered("POST", redrive, {"endpoint": waiting})[0] == 409
    ordered = jobs.ask("POST", redrive, {"ids": ids})
    ended = jobs.wait_ended(f"/v1/dead-letters/redrive/{ordered['id']}")
    assert (ended["status"], ended["sent"], ended["skipped"]) == ("done", 0, EVENTS)
    assert receiver.to(f"/{waiting}") == []
    jobs.ask("POST", f"/v1/endpoints/{waiting}/activate", {"waiting": waiting})
    jobs.pipeline.publish([{"account": waiting, "type": "made", "id": "new", "data": "new"}])
    expected = EVENTS + 1 if waiting == "send" else 1
    receiver.wait_for(expected, path=f"/{waiting}", seconds=60)
    eventually(lambda: _delivered(jobs, waiting) == expected)
    if waiting == "drop":
        # Who asks for them after all gets them.
        ordered = jobs.ask("POST", "/v1/dead-letters/redrive", {"endpoint": waiting})
        jobs.wait_ended(f"/v1/dead-letters/redrive/{ordered['id']}")
        receiver.wait_for(EVENTS + 1, path=f"/{waiting}")
    assert len(receiver.to(f"/{waiting}")) == EVENTS + 1


def _delivered(jobs: Jobs, endpoint: str) -> int:
    path = f"/v1/deliveries?endpoint={endpoint}&status=delivered"
    return len(jobs.ask("GET", path)["items"])
