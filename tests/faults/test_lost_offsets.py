"""A group's offsets are gone: nothing is sent again, partitions are held until somebody decides."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from pipeline.domain.endpoint import Account, Endpoint
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_lost_offsets_hold_the_partitions_until_an_operator_says_where_to_go_on(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("lost", "twelve-twenty"))
    pipeline.put_endpoint(Endpoint("lost-ep", "lost", "twelve-twenty", "", url=receiver.url("/")))
    pipeline.run("router", "sender")
    pipeline.publish(_events(0, 20))
    receiver.wait_for(20)
    topic = pipeline.topology.delivery("lost-ep")
    eventually(lambda: sum(pipeline.committed("sender", topic).values()) == 20)
    pipeline.stop("sender")
    _delete_group(pipeline, "sender")
    pipeline.publish(_events(20, 25))
    pipeline.run("sender")
    eventually(lambda: any(topic in text for text in pipeline.health("sender").get("held", [])))
    eventually(lambda: _end(pipeline, topic) == 25)
    assert len(receiver.requests) == 20

    _offsets_set(pipeline, topic, to="20")
    receiver.wait_for(25)
    assert sorted(_numbers(receiver)) == list(range(25))
    eventually(lambda: not any(topic in x for x in pipeline.health("sender").get("held", [])))


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_a_topic_that_the_group_has_never_read_is_read_from_its_beginning(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.run("router", "sender")
    pipeline.put_account(Account("new", "twelve-twenty"))
    pipeline.stop("sender")
    pipeline.put_endpoint(Endpoint("new-ep", "new", "twelve-twenty", "", url=receiver.url("/")))
    pipeline.publish(_events(0, 10, account="new"))
    eventually(lambda: _end(pipeline, pipeline.topology.delivery("new-ep")) == 10)
    pipeline.run("sender")
    receiver.wait_for(10)
    assert sorted(_numbers(receiver)) == list(range(10))


def _events(first: int, end: int, *, account: str = "lost") -> list[dict[str, object]]:
    return [
        {"account": account, "type": "made", "id": f"{account}{n}", "data": {"n": n}}
        for n in range(first, end)
    ]


def _numbers(receiver: Receiver) -> list[int]:
    return [json.loads(request.body)["Data"]["n"] for request in receiver.requests]


def _end(pipeline: RunningPipeline, topic: str) -> int:
    return len(pipeline.records(topic))


def _delete_group(pipeline: RunningPipeline, stage: str) -> None:
    admin: Any = AdminClient({**pipeline.connection})  # it does not say what its futures hold
    group = f"{pipeline.prefix}{stage}"

    def deleted() -> bool:
        # A static member stays in its group until its session ends.
        (future,) = admin.delete_consumer_groups([group], request_timeout=10).values()
        return future.exception() is None

    eventually(deleted, seconds=30)


def _offsets_set(pipeline: RunningPipeline, topic: str, *, to: str) -> None:
    command = ["offsets", "set", "--group", f"{pipeline.prefix}sender", "--topic", topic]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *command, "--partition", "0", "--to", to],
        env=pipeline.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    eventually(lambda: pipeline.health("sender").get("status") == "ok")
