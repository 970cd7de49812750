"""Endpoints by the API while the stages run: what was answered holds for what is sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.clock import now_ms
from tests.api.resource_api import ResourceApi, resource_api
from tests.kafka_broker import SessionBroker
from tests.receiver import Answer, receiving
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

EVENTS = 150


@pytest.fixture
def pipeline(broker: SessionBroker, tmp_path: Path) -> Iterator[RunningPipeline]:
    with running_pipeline(broker.bootstrap_servers, tmp_path / "stages") as running:
        running.run("router", "sender")
        yield running


@pytest.fixture
def api(pipeline: RunningPipeline, tmp_path: Path) -> Iterator[ResourceApi]:
    data_dir = tmp_path / "api"
    with resource_api(pipeline.bootstrap_servers, data_dir, beside=pipeline) as running:
        yield running


def known_to_the_router(pipeline: RunningPipeline) -> tuple[int, int]:
    """How many accounts and endpoints."""
    tables = pipeline.health("router")["tables"]
    return tables[pipeline.topology.accounts], tables[pipeline.topology.endpoints]


def test_no_attempt_starts_later_than_a_second_after_a_deletion_was_answered(
    api: ResourceApi, pipeline: RunningPipeline
):
    accounts, endpoints = known_to_the_router(pipeline)
    account = api.account()
    with receiving(lambda _: Answer(delay_seconds=0.05)) as receiver:
        endpoint = api.create(account, url=receiver.url(), max_in_flight=1)["id"]
        # Whoever publishes past the API is not told how far the tables have to be.
        eventually(lambda: known_to_the_router(pipeline) == (accounts + 1, endpoints + 1))
        pipeline.publish(
            {"account": account, "type": "a.b", "id": f"e{number}", "data": number}
            for number in range(EVENTS)
        )
        receiver.wait_for(5)
        assert api.ask("DELETE", f"/v1/endpoints/{endpoint}").status == 204
        answered_at = now_ms() / 1000
        # All that waited ends as a dead letter, so nothing can be sent any more.
        eventually(lambda: len(receiver.requests) + len(pipeline.dead_letters()) >= EVENTS)
        assert max(request.at for request in receiver.requests) <= answered_at + 1.0
        letters = pipeline.dead_letters()
        assert len(letters) > EVENTS // 2
        assert {letter.reason for letter in letters} == {"endpoint_removed"}


def test_a_sample_is_delivered_and_what_is_inactive_waits_until_it_is_active(
    api: ResourceApi, pipeline: RunningPipeline
):
    account = api.account()
    with receiving() as receiver:
        created = api.create(account, url=receiver.url(), event_types=["never"])
        path = f"/v1/endpoints/{created['id']}"
        assert api.ask("POST", f"{path}/test", {"type": "a.b", "data": 1}).status == 202
        (sample,) = receiver.wait_for(1)
        assert sample.header("webhook-signature")
        api.ask("PATCH", path, {"event_types": []})
        api.ask("POST", f"{path}/deactivate")
        pipeline.publish([{"account": account, "type": "a.b", "id": "held", "data": 2}])
        eventually(lambda: len(pipeline.deliveries(created["topic"])) == 2)
        assert len(receiver.requests) == 1
        assert api.ask("POST", f"{path}/activate").status == 200
        assert receiver.wait_for(2)[1].body.endswith(b'"data":2}')
