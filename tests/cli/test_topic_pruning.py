"""Delivery topics of removed endpoints: kept for their time, then deleted, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.clock import now_ms
from pipeline.domain.deletion import KEPT_MS
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from pipeline.domain.topic_pruning import TopicVerdict
from pipeline.settings import KafkaSettings, Settings
from pipeline.wiring.reach import Reach, reach
from pipeline.wiring.topic_pruning import delete_topics, judged_topics
from tests.cli.command import Ended, Shell
from tests.kafka_broker import SessionBroker
from tests.receiver import receiving
from tests.running_pipeline import RunningPipeline, eventually, running_pipeline

ACCOUNT = "prune"
LATER_MS = 1_000


@pytest.fixture
def pipeline(broker: SessionBroker, tmp_path: Path) -> Iterator[RunningPipeline]:
    with running_pipeline(broker.bootstrap_servers, tmp_path / "pipeline") as running:
        running.put_account(Account(ACCOUNT, "twelve-twenty"))
        yield running


@pytest.fixture
def shell(pipeline: RunningPipeline, tmp_path: Path) -> Shell:
    return Shell(tmp_path, pipeline.environment)


def at(pipeline: RunningPipeline) -> Reach:
    kafka = KafkaSettings(
        bootstrap_servers=pipeline.bootstrap_servers, topic_prefix=pipeline.prefix
    )
    return reach(Settings(kafka=kafka))


def judged(pipeline: RunningPipeline, *, at_ms: int) -> dict[str, TopicVerdict]:
    found = asyncio.run(judged_topics(at(pipeline), kept_ms=KEPT_MS, now_ms=at_ms))
    return {one.endpoint: one for one in found}


def reasons(pipeline: RunningPipeline, *, at_ms: int) -> dict[str, str | None]:
    return {name: one.kept_because for name, one in judged(pipeline, at_ms=at_ms).items()}


def put(pipeline: RunningPipeline, name: str, **members: Any) -> Endpoint:
    given: dict[str, Any] = {"url": "https://example.com/", **members}
    return pipeline.put_endpoint(Endpoint(name, ACCOUNT, "twelve-twenty", "", **given))


def remove(pipeline: RunningPipeline, endpoint: Endpoint, *, at_ms: int) -> None:
    removed = replace(endpoint, status=EndpointStatus.REMOVED, status_since_ms=at_ms)
    pipeline.put_endpoint(removed)


def publish(pipeline: RunningPipeline, name: str) -> None:
    pipeline.publish([{"account": ACCOUNT, "type": "a.b", "id": name, "data": {"of": name}}])


def delivery_topics(pipeline: RunningPipeline) -> set[str]:
    layout = Cluster(pipeline.connection).layout()
    return {name for name in layout.topics if pipeline.topology.endpoint_of(name) is not None}


@pytest.mark.timeout(300)
def test_a_topic_goes_after_its_time_and_the_sender_that_read_it_goes_on(
    pipeline: RunningPipeline,
):
    with receiving() as receiver:
        gone = put(pipeline, "gone", url=receiver.url("/gone"))
        stays = put(pipeline, "stays", url=receiver.url("/stays"))
        pipeline.run("router", "sender")
        publish(pipeline, "first")
        receiver.wait_for(1, path="/gone")
        receiver.wait_for(1, path="/stays")
        removed_at_ms = now_ms()
        remove(pipeline, gone, at_ms=removed_at_ms)
        for topic in (gone.topic, stays.topic):
            eventually(lambda topic=topic: pipeline.committed("sender", topic) == {0: 1})
        # Its record is of today, and so is its end.
        early = judged(pipeline, at_ms=now_ms())
        assert str(early["gone"].kept_because).startswith("its endpoint was removed lately")
        assert early["gone"].removed_at_ms == removed_at_ms
        found = judged(pipeline, at_ms=now_ms() + KEPT_MS + LATER_MS)
        assert {name: one.kept_because for name, one in found.items()} == {
            "gone": None,
            "stays": "its endpoint is active",
        }
        delete_topics(at(pipeline), [*found.values()])
        assert delivery_topics(pipeline) == {stays.topic}
        publish(pipeline, "second")
        receiver.wait_for(2, path="/stays")
        assert len(receiver.to("/gone")) == 1
        # A sender that starts finds that its table names a topic that is gone.
        pipeline.stop("sender")
        pipeline.run("sender")
        publish(pipeline, "third")
        receiver.wait_for(3, path="/stays")


def test_what_is_not_finished_or_too_young_keeps_a_topic_whatever_the_time(
    pipeline: RunningPipeline,
):
    waiting = put(pipeline, "waiting")
    past_ms = now_ms() - 2 * KEPT_MS
    pipeline.run("router")
    publish(pipeline, "one")
    eventually(lambda: len(pipeline.records(waiting.topic)) == 1)
    remove(pipeline, waiting, at_ms=past_ms)
    later_ms = now_ms() + KEPT_MS + LATER_MS
    reason = "1 record in it is not finished: see that a sender runs"
    assert reasons(pipeline, at_ms=later_ms) == {"waiting": reason}
    pipeline.run("sender")
    eventually(lambda: pipeline.committed("sender", waiting.topic) == {0: 1})
    assert [letter.reason for letter in pipeline.dead_letters()] == ["endpoint_removed"]
    assert reasons(pipeline, at_ms=now_ms()) == {"waiting": "1 record in it is too young yet"}
    assert reasons(pipeline, at_ms=later_ms) == {"waiting": None}


def test_the_command_says_of_each_topic_what_becomes_of_it_and_asks_first(
    pipeline: RunningPipeline, shell: Shell
):
    past_ms = now_ms() - KEPT_MS - LATER_MS
    long_gone = put(pipeline, "long-gone")
    remove(pipeline, long_gone, at_ms=past_ms)
    remove(pipeline, put(pipeline, "just-gone"), at_ms=now_ms())
    referred = put(pipeline, "referred")
    put(pipeline, "refers", moved_from=referred.topic)
    remove(pipeline, referred, at_ms=past_ms)
    pipeline.topics.create_delivery_topic("unknown")
    before = delivery_topics(pipeline)

    def prune(*options: str) -> Ended:
        return shell.run("topics", "prune", *options)

    dry = prune("--dry-run", "--json")
    assert dry.status == 0, dry.err
    kept = {one["endpoint"]: one["kept_because"] for one in dry.json["topics"]}
    assert str(kept.pop("just-gone")).startswith("its endpoint was removed lately: kept until 20")
    assert kept == {
        "long-gone": None,
        "referred": "deliveries of refers are written to it, or were",
        "refers": "its endpoint is active",
        "unknown": "the tables know no such endpoint",
    }
    unasked = prune()
    assert unasked.status == 2
    assert "--yes" in unasked.err
    assert delivery_topics(pipeline) == before
    done = prune("--yes")
    assert (done.status, done.error_lines) == (0, ["deleted: 1 of 5"])
    (line,) = [line for line in done.lines if line.rstrip().endswith("goes")]
    assert line.startswith(long_gone.topic)
    assert sum("kept: " in line for line in done.lines) == 4
    assert delivery_topics(pipeline) == before - {long_gone.topic}
    again = prune("--yes")
    assert (again.status, again.error_lines) == (0, ["deleted: 0 of 4"])
