"""Where groups stand: what is late, what only waits, what is held, and what somebody decided."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.adapters.kafka.start_memory import KafkaStartMemory
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.start_position import DecidedBy, StartPosition
from tests.cli.command import UNREACHABLE, Shell
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline, running_pipeline


def write(pipeline: RunningPipeline, topic: str, partition: int, count: int) -> None:
    """Records that no stage reads here; what is in them does not matter."""
    producer = Producer({**pipeline.connection})
    for _ in range(count):
        producer.produce(topic, b"x", partition=partition)
    assert producer.flush(30) == 0


def commit(pipeline: RunningPipeline, stage: str, topic: str, offsets: Mapping[int, int]) -> None:
    consumer = Consumer({**pipeline.connection, "group.id": f"{pipeline.prefix}{stage}"})
    with closing(consumer):
        places = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
        consumer.commit(offsets=places, asynchronous=False)


def remember(pipeline: RunningPipeline, stage: str, topic: str, partition: int) -> None:
    """That the group has begun the partition."""
    with closing(start_memory(pipeline)) as memory:
        topic_id = memory.topic_ids([topic])[topic]
        memory.remember(
            [
                StartPosition(
                    *(f"{pipeline.prefix}{stage}", topic, topic_id),
                    partition=partition,
                    offset=0,
                    decided_at_ms=1_772_449_200_000,
                    decided_by=DecidedBy.FIRST_START,
                )
            ]
        )


def start_memory(pipeline: RunningPipeline) -> KafkaStartMemory:
    topic = pipeline.topology.positions
    return KafkaStartMemory(pipeline.connection, pipeline.codec, topic=topic)


def an_endpoint(name: str, status: EndpointStatus) -> Endpoint:
    return Endpoint(
        id=name,
        account="acme",
        profile="standard-webhooks",
        topic="",
        version=0,
        url="https://example.org/",
        status=status,
    )


@pytest.fixture(scope="module")
def pipeline(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    """One that no other test writes to."""
    folder = tmp_path_factory.mktemp("standing")
    with running_pipeline(broker.bootstrap_servers, folder) as running:
        yield running


@pytest.fixture(scope="module")
def standing(pipeline: RunningPipeline) -> RunningPipeline:
    """Events: read, held and new. A tier with 3. Own topics: 4 behind, 7 of an inactive one."""
    topology = pipeline.topology
    for partition in range(3):
        write(pipeline, topology.events, partition, 5)
    commit(pipeline, "router", topology.events, {0: 2})
    for partition in (0, 1):
        remember(pipeline, "router", topology.events, partition)
    write(pipeline, topology.retry("1m"), 0, 3)
    for name, status, count in (
        ("awake", EndpointStatus.ACTIVE, 4),
        ("asleep", EndpointStatus.INACTIVE, 7),
    ):
        endpoint = pipeline.put_endpoint(an_endpoint(name, status))
        write(pipeline, endpoint.topic, 0, count)
    return pipeline


def by_topic(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {topic["topic"]: topic for group in document["groups"] for topic in group["topics"]}


def test_lag_is_told_for_each_partition_and_what_only_waits_apart(
    standing: RunningPipeline, shell: Shell
):
    ended = shell.run("lag", "--json")
    assert ended.status == 0, ended.err
    topics, topology = by_topic(ended.json), standing.topology
    events = topics[topology.events]
    assert events["lag"] == 3 + 5 + 5
    states = [(one["committed"], one["end"], one["state"]) for one in events["partitions"]]
    assert states == [(2, 5, "reading"), (None, 5, "held"), (None, 5, "new"), (None, 0, "new")]
    assert 0 <= events["oldest_age_ms"] < 600_000
    assert events["partitions"][3]["oldest_at"] is None
    tier = topics[topology.retry("1m")]
    assert (tier["kind"], tier["lag"], tier["waiting"]) == ("waiting", 0, 3)
    assert (topics[topology.delivery("awake")]["lag"], topics[topology.attempts]["lag"]) == (4, 0)
    asleep = topics[topology.delivery("asleep")]
    assert (asleep["kind"], asleep["lag"], asleep["waiting"]) == ("inactive", 0, 7)
    router, sender, scheduler, _ = ended.json["groups"]
    assert (router["lag"], router["held"]) == (13, 1)
    assert (sender["lag"], sender["waiting"]) == (4, 7)
    assert (scheduler["lag"], scheduler["waiting"]) == (0, 3)


def test_lag_is_a_table_that_is_not_cut_when_it_is_piped(standing: RunningPipeline, shell: Shell):
    ended = shell.run("lag")
    rows = [line.split() for line in ended.lines]
    assert ["router", standing.topology.events, "4", "13", "-"] in [row[:5] for row in rows]
    assert ["sender", "endpoints'", "own", "(1)", "1", "4", "-"] in [row[:7] for row in rows]
    assert [standing.topology.delivery("awake"), "1", "4", "-"] in [row[:4] for row in rows]
    assert "of inactive endpoints (1)" in ended.out
    assert "\x1b" not in ended.out


def test_offsets_show_tells_what_is_committed_begun_and_held(
    standing: RunningPipeline, shell: Shell
):
    ended = shell.run("offsets", "show", "--group", "router", "--json")
    first, second, third, _ = ended.json["partitions"]
    assert (first["committed"], first["state"], first["end"]) == (2, "reading", 5)
    assert first["began"]["decided_by"] == "first_start"
    assert (second["committed"], second["state"]) == (None, "held")
    assert (third["state"], third["began"]) == ("new", None)


def test_a_decision_is_kept_for_the_stage_and_shown_from_then_on(
    pipeline: RunningPipeline, shell: Shell
):
    topic = pipeline.topology.attempts
    write(pipeline, topic, 1, 4)
    remember(pipeline, "recorder", topic, 1)
    ended = shell.run(
        *("offsets", "set", "--group", f"{pipeline.prefix}recorder", "--topic", topic),
        *("--partition", "1", "--to", "3", "--json"),
    )
    assert ended.status == 0, ended.err
    (decided,) = ended.json["decided"]
    assert (decided["before"], decided["offset"]) == (None, 3)
    assert decided["consequence"] == "at_next_start"
    with closing(start_memory(pipeline)) as memory:
        entry = memory.known()[(f"{pipeline.prefix}recorder", topic, 1)]
        assert (entry.offset, entry.decided_by) == (3, DecidedBy.OPERATOR)
        assert entry.topic_id == memory.topic_ids([topic])[topic]
    shown = shell.run("offsets", "show", "--group", "recorder")
    row = next(line.split() for line in shown.lines if line.split()[1:3] == [topic, "1"])
    assert "decided" in row


def test_a_place_can_be_an_edge_or_a_time(pipeline: RunningPipeline, shell: Shell):
    topic = pipeline.topology.dead_letter
    write(pipeline, topic, 0, 6)
    offsets = {"earliest": 0, "latest": 6, "2020-01-01T00:00:00Z": 0, "2100-01-01T00:00:00Z": 6}
    place = ("--group", "recorder", "--topic", topic, "--partition", "0")
    ended = shell.run_together([("offsets", "set", *place, "--to", to, "--json") for to in offsets])
    assert [one.json["decided"][0]["offset"] for one in ended] == list(offsets.values())


def test_what_cannot_be_decided_is_refused_with_what_can(pipeline: RunningPipeline, shell: Shell):
    told = {
        ("--group", "rooter"): "did you mean router?",
        ("--topic", "nonsense"): "the router reads no such topic",
        ("--partition", "4"): "has partitions 0 to 3; or write all",
        ("--to", "77"): "has offsets 0 to",
        ("--to", "tomorrow"): "give earliest, latest, an offset, or a time",
    }
    good = {
        "--group": "router",
        "--topic": pipeline.topology.events,
        "--partition": "3",
        "--to": "latest",
    }
    commands = [
        ("offsets", "set", *(part for pair in {**good, name: value}.items() for part in pair))
        for name, value in told
    ]
    for ended, ((name, value), text) in zip(
        shell.run_together(commands), told.items(), strict=True
    ):
        assert ended.status == 2, ended.err
        (line,) = ended.error_lines
        assert line.startswith(f"{name} {value}: ")
        assert text in line


def test_without_kafka_lag_and_offsets_end_with_one_line(bare_shell: Shell):
    commands = [("lag",), ("offsets", "show")]
    for ended in bare_shell.run_together(commands, PIPELINE_KAFKA__BOOTSTRAP_SERVERS=UNREACHABLE):
        assert (ended.status, len(ended.error_lines)) == (1, 1), ended.err
    ended = bare_shell.run("lag")
    assert ended.status == 1
    assert "PIPELINE_KAFKA__BOOTSTRAP_SERVERS" in ended.err
