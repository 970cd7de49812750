"""Events consumed again with a group of one's own, beside the live groups."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.faults.jobs import running_jobs
from tests.faults.test_replay import now_text, publish
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

EVENTS = 50


def route_apart(pipeline: RunningPipeline, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipeline", "run", "router", *options]
    with (pipeline.data_dir / "apart.log").open("ab") as log:
        return subprocess.Popen(
            command, env=pipeline.environment, stdout=log, stderr=subprocess.STDOUT
        )


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_a_group_of_its_own_sends_past_events_to_one_endpoint_and_moves_no_live_group(
    pipeline: RunningPipeline, receiver: Receiver
):
    with running_jobs(pipeline) as jobs:
        topic = jobs.make_endpoint("acme", id="e-1", url=receiver.url("/e"))
        other = jobs.make_endpoint("acme", id="e-2", url=receiver.url("/other"))
        since = now_text()
        publish(jobs, EVENTS)
        first = {each.webhook_id for each in receiver.wait_for(EVENTS, path="/e")}
        receiver.wait_for(EVENTS, path="/other")
        events = pipeline.topology.events
        eventually(lambda: sum(pipeline.committed("router", events).values()) == EVENTS)
        options = ("--group", "again", "--from", since, "--only-endpoint", "e-1")
        cause = "group:again"
        for last in ("one-", "two-"):  # the second time it goes on where the group was
            apart = route_apart(pipeline, *options)
            try:
                publish(jobs, 1, prefix=last)
                eventually(
                    lambda last=last: any(
                        each.event_id == f"{last}0" for each in jobs.written(topic, cause)
                    )
                )
            finally:
                apart.terminate()
                assert apart.wait(30) == 0
        again = jobs.written(topic, cause)
        assert first < {each.webhook_id for each in again}
        assert len(again) == len({each.delivery_id for each in again}) == EVENTS + 2
        assert {each.cause for each in again} == {"replay"}
        assert not jobs.written(other, cause)


@pytest.mark.soak
@pytest.mark.faults
def test_a_live_group_cannot_be_taken_for_it(pipeline: RunningPipeline):
    group = f"{pipeline.prefix}router"
    pipeline.data_dir.mkdir(parents=True, exist_ok=True)
    options = ("--group", group, "--from", "2026-03-01T00:00Z", "--only-endpoint", "e-1")
    assert route_apart(pipeline, *options).wait(60) == 2
    assert "are the pipeline's own" in (pipeline.data_dir / "apart.log").read_text()
