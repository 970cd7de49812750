from __future__ import annotations

import socket
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import pytest

from pipeline.adapters.kafka.cluster import Cluster, ClusterFailed, TopicToCreate
from pipeline.adapters.kafka.source_formats import SourceFormat
from pipeline.adapters.kafka.topic_differences import Kind
from pipeline.adapters.kafka.topic_file import Source, SourceStart, TopicFile, read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.identifiers import InvalidIdentifier
from pipeline.domain.topology import Topology
from tests.kafka_broker import SessionBroker

SHIPPED: Final = Path(__file__).parents[2] / "topics.yaml"
DAY_MS: Final = 86_400_000


@pytest.fixture(scope="module")
def cluster(broker: SessionBroker) -> Cluster:
    return Cluster({"bootstrap.servers": broker.bootstrap_servers})


@pytest.fixture
def topic_file() -> TopicFile:
    """The shipped topics under a prefix that no other test has."""
    return read_topic_file(SHIPPED, Topology(f"t{uuid.uuid4().hex[:12]}."))


@pytest.fixture
def topics(cluster: Cluster, topic_file: TopicFile) -> Topics:
    return Topics(cluster, topic_file)


class Made(Protocol):
    def __call__(self, name: str, **changes: str | int) -> str: ...


@pytest.fixture
def made(cluster: Cluster, topic_file: TopicFile) -> Made:
    """Makes one of our topics as somebody would who thinks otherwise."""

    def make(name: str, **changes: str | int) -> str:
        topic = topic_file.topology.named(name)
        spec = topic_file.topics[topic]
        partitions = int(changes.pop("partitions", spec.partitions))
        settings = {setting.replace("_", "."): str(value) for setting, value in changes.items()}
        cluster.create([TopicToCreate(topic, partitions, 1, {**spec.config, **settings})])
        return topic

    return make


def ours(cluster: Cluster, topic_file: TopicFile) -> dict[str, Mapping[str, str]]:
    prefix = topic_file.topology.prefix
    names = [name for name in cluster.layout().topics if name.startswith(prefix)]
    return cluster.topic_settings(names)


def test_on_an_empty_cluster_everything_is_missing_and_nothing_is_made_by_looking(
    topics: Topics, cluster: Cluster, topic_file: TopicFile
):
    plan = topics.plan()
    assert {found.kind for found in plan} == {Kind.MISSING}
    assert {found.topic for found in plan} == set(topic_file.topics)
    assert ours(cluster, topic_file) == {}


def test_apply_makes_every_topic_as_the_file_says_and_leaves_nothing_to_do(
    topics: Topics, cluster: Cluster, topic_file: TopicFile
):
    applied = topics.apply()
    assert set(applied.created) == set(topic_file.topics)
    assert topics.plan() == ()
    layout = cluster.layout().topics
    settings = ours(cluster, topic_file)
    for topic, spec in topic_file.topics.items():
        assert layout[topic].partitions == spec.partitions
        assert layout[topic].has_leaders
        assert {name: settings[topic][name] for name in spec.config} == spec.config
        assert settings[topic]["min.insync.replicas"] == "1"
    verdict = topics.check(topic_file.topics)
    assert verdict.refusals == ()
    assert verdict.warnings == (), "the embedded broker is set up as the pipeline wants it"


def test_apply_once_more_does_nothing(topics: Topics):
    topics.apply()
    again = topics.apply()
    assert (again.created, again.altered, again.left) == ((), (), ())


def test_a_topic_that_is_missing_stops_a_stage_with_what_to_do(
    topics: Topics, topic_file: TopicFile
):
    verdict = topics.check([topic_file.topology.attempts])
    assert verdict.refusals == (
        f"{topic_file.topology.attempts} is missing: run pipeline topics apply",
    )


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("shared-delivery", {"partitions": 4}, "has 4 partitions, topics.yaml says 8"),
        ("accounts", {"cleanup_policy": "delete"}, "cleanup.policy delete instead of compact"),
    ],
)
def test_what_cannot_be_mended_stops_a_stage_and_apply_leaves_it(
    topics: Topics, name: str, change: dict[str, str | int], text: str, made: Made
):
    topic = made(name, **change)
    (refusal,) = topics.check([topic]).refusals
    assert text in refusal
    applied = topics.apply()
    assert topic not in applied.created
    assert [found.topic for found in applied.left] == [topic]
    assert topics.check([topic]).refusals == (refusal,)


def test_what_is_dangerous_and_can_be_mended_stops_a_stage_until_apply(
    topics: Topics, cluster: Cluster, made: Made
):
    topic = made("shared-delivery", retention_ms=7 * DAY_MS, message_timestamp_type="CreateTime")
    assert len(topics.check([topic]).refusals) == 2
    applied = topics.apply()
    assert {found.setting for found in applied.altered} == {
        "retention.ms",
        "message.timestamp.type",
    }
    assert topics.check([topic]).refusals == ()
    settings = cluster.topic_settings([topic])[topic]
    assert (settings["retention.ms"], settings["message.timestamp.type"]) == ("-1", "LogAppendTime")


def test_a_change_by_apply_leaves_the_settings_that_the_file_does_not_name(
    topics: Topics, cluster: Cluster, made: Made
):
    topic = made("events", max_message_bytes=1_000_000, compression_type="zstd")
    topics.apply()
    settings = cluster.topic_settings([topic])[topic]
    assert settings["max.message.bytes"] == str(2 * 1024 * 1024)
    assert settings["compression.type"] == "zstd"


def test_a_longer_retention_than_the_file_says_is_a_warning_and_is_never_shortened(
    topics: Topics, cluster: Cluster, made: Made
):
    topic = made("events", retention_ms=90 * DAY_MS)
    verdict = topics.check([topic])
    assert verdict.refusals == ()
    assert "retention.ms 90d instead of 60d" in verdict.warnings[0]
    topics.apply()
    assert cluster.topic_settings([topic])[topic]["retention.ms"] == str(90 * DAY_MS)


def test_an_endpoints_own_topic_is_made_like_the_template(
    topics: Topics, cluster: Cluster, topic_file: TopicFile
):
    topic = topics.create_delivery_topic("ep_1")
    assert topic == topic_file.topology.delivery("ep_1")
    assert cluster.layout().topics[topic].partitions == 1
    settings = cluster.topic_settings([topic])[topic]
    assert {name: settings[name] for name in topic_file.delivery.config} == (
        topic_file.delivery.config
    )
    assert topics.check([topic]).refusals == ()


def test_making_the_same_topic_at_the_same_time_is_no_error(topics: Topics, cluster: Cluster):
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(topics.create_delivery_topic, ["ep_1"] * 4))
    (topic,) = made
    assert cluster.layout().topics[topic].has_leaders


def test_an_endpoints_own_topic_that_somebody_changed_is_part_of_the_plan(
    topics: Topics, cluster: Cluster
):
    topic = topics.create_delivery_topic("ep_1")
    cluster.change_settings({topic: {"retention.ms": str(DAY_MS)}})
    found = [difference for difference in topics.plan() if difference.topic == topic]
    assert [(difference.kind, difference.setting) for difference in found] == [
        (Kind.BREAKS, "retention.ms")
    ]


def test_more_topics_than_are_made_at_once_are_all_made(
    topics: Topics, cluster: Cluster, topic_file: TopicFile
):
    wanted = [topic_file.topology.delivery(f"ep_{number}") for number in range(105)]
    assert len(topics.create(wanted)) == len(wanted)
    layout = cluster.layout().topics
    assert all(layout[topic].has_leaders for topic in wanted)


def test_what_is_no_endpoints_id_and_no_topic_of_ours_is_not_made(topics: Topics):
    with pytest.raises(InvalidIdentifier):
        topics.create_delivery_topic("a.b")
    with pytest.raises(ClusterFailed, match=r"crm\.contacts is not one of the topics"):
        topics.create(["crm.contacts"])


def test_a_tier_that_was_taken_out_of_the_file_is_warned_of(
    topics: Topics, cluster: Cluster, topic_file: TopicFile
):
    topics.apply()
    fewer = replace(
        topic_file,
        tiers=topic_file.tiers[:-1],
        topics={t: spec for t, spec in topic_file.topics.items() if not t.endswith("retry.6h")},
    )
    verdict = Topics(cluster, fewer).check([topic_file.topology.events])
    assert verdict.refusals == ()
    assert "name 6h in retry.tiers until it is empty" in verdict.warnings[0]


@pytest.fixture
def foreign(topic_file: TopicFile) -> TopicFile:
    name = f"crm{uuid.uuid4().hex[:8]}.contacts"
    return replace(
        topic_file, sources=(Source(name, SourceFormat.CLOUDEVENTS, SourceStart.LATEST),)
    )


def test_a_source_of_somebody_else_must_be_there_and_may_be_as_it_likes(
    cluster: Cluster, foreign: TopicFile
):
    topics, name = Topics(cluster, foreign), foreign.sources[0].topic
    (refusal,) = topics.check([name]).refusals
    assert f"the source {name} is missing: create it" in refusal
    assert name not in topics.apply().created
    cluster.create([TopicToCreate(name, 3, 1, {"message.timestamp.type": "CreateTime"})])
    assert topics.check([name]).refusals == ()


def test_a_cluster_that_refuses_says_why(topics: Topics, cluster: Cluster, topic_file: TopicFile):
    with pytest.raises(ClusterFailed, match=r"cannot create .*: .*Unknown topic config"):
        cluster.create([TopicToCreate(topic_file.topology.named("x"), 1, 1, {"no.such": "1"})])


def test_an_option_that_librdkafka_does_not_take_is_named():
    with pytest.raises(ClusterFailed, match=r"no\.such\.option"):
        Cluster({"bootstrap.servers": "127.0.0.1:9", "no.such.option": "1"})


def test_a_cluster_that_does_not_answer_is_said_so_in_time(topic_file: TopicFile):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{listener.getsockname()[1]}"
        cluster = Cluster({"bootstrap.servers": nobody}, request_seconds=0.5)
        with pytest.raises(ClusterFailed, match="Kafka does not answer"):
            Topics(cluster, topic_file).plan()
