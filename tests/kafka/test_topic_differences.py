from __future__ import annotations

from typing import Final

import pytest

from pipeline.adapters.kafka.cluster_settings import cluster_warnings
from pipeline.adapters.kafka.topic_differences import (
    Difference,
    FoundTopic,
    Kind,
    Replication,
    differences,
    full_config,
    replication_of,
    why_fixed,
)
from pipeline.adapters.kafka.topic_file import TopicSpec
from pipeline.domain.topology import Topology

DAY_MS: Final = 86_400_000
WAITING: Final = TopicSpec(
    1,
    {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": "-1",
        "unclean.leader.election.enable": "false",
        "max.message.bytes": "4194304",
    },
)
DONE: Final = TopicSpec(4, {**WAITING.config, "retention.ms": str(60 * DAY_MS)})
THREE: Final = replication_of(3)
ONE: Final = replication_of(1)


def found_as(spec: TopicSpec, replication: Replication, **changes: str) -> FoundTopic:
    config = full_config(spec, replication)
    config.update({name.replace("_", "."): value for name, value in changes.items()})
    return FoundTopic(spec.partitions, replication.replicas, config)


def compare(spec: TopicSpec, found: FoundTopic, replication: Replication) -> list[Difference]:
    return list(differences("t", spec, found=found, replication=replication))


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"),
    [(1, 1, 1), (2, 2, 1), (3, 3, 2), (9, 3, 2)],
)
def test_records_are_kept_by_three_brokers_and_acknowledged_by_two_where_there_are_as_many(
    brokers: int, replicas: int, in_sync: int
):
    assert replication_of(brokers) == Replication(replicas, in_sync)


def test_a_topic_that_is_as_it_should_be_differs_in_nothing():
    assert compare(WAITING, found_as(WAITING, THREE), THREE) == []


@pytest.mark.parametrize(
    ("spec", "changes", "text"),
    [
        (WAITING, {"retention_ms": str(7 * DAY_MS)}, "t has retention.ms 7d instead of unlimited"),
        (WAITING, {"message_timestamp_type": "CreateTime"}, "CreateTime instead of LogAppendTime"),
        (WAITING, {"unclean_leader_election_enable": "true"}, "true instead of false"),
        (WAITING, {"min_insync_replicas": "1"}, "min.insync.replicas 1 instead of 2"),
    ],
)
def test_what_would_lose_records_or_their_time_stops_a_stage_and_apply_can_mend_it(
    spec: TopicSpec, changes: dict[str, str], text: str
):
    (difference,) = compare(spec, found_as(spec, THREE, **changes), THREE)
    assert difference.kind is Kind.BREAKS
    assert text in difference.text
    assert "run pipeline topics apply" in difference.text
    assert difference.new_value == full_config(spec, THREE)[str(difference.setting)]


def test_another_cleanup_stops_a_stage_and_is_left_to_people():
    (difference,) = compare(WAITING, found_as(WAITING, ONE, cleanup_policy="compact"), ONE)
    assert difference.kind is Kind.BREAKS
    assert difference.new_value is None


def test_a_number_of_partitions_that_is_fixed_stops_a_stage_and_is_left_to_people():
    found = FoundTopic(6, 1, full_config(DONE, ONE))
    (difference,) = differences("t", DONE, found=found, replication=ONE, fixed="it has one owner")
    assert difference.kind is Kind.BREAKS
    assert difference.new_value is None
    assert "has 6 partitions, topics.yaml says 4" in difference.text
    assert "fixed for life (it has one owner); write 6 in topics.yaml" in difference.text


def test_a_topic_that_may_grow_stops_nobody_and_says_how():
    (fewer,) = compare(DONE, FoundTopic(2, 1, full_config(DONE, ONE)), ONE)
    assert (fewer.kind, fewer.new_value) == (Kind.DIFFERS, None)
    assert "kafka-topics.sh --alter --topic t --partitions 4" in fewer.text
    (more,) = compare(DONE, FoundTopic(6, 1, full_config(DONE, ONE)), ONE)
    assert more.kind is Kind.DIFFERS
    assert "write 6 in topics.yaml" in more.text


def test_which_topics_keep_their_partitions_for_life():
    topology = Topology("t.")
    growing = (topology.events, topology.attempts, topology.dead_letter, topology.retry("1s"))
    assert [why_fixed(topology, topic) for topic in growing] == [None] * 4
    fixed = (*topology.tables, topology.positions, topology.jobs, topology.interventions)
    assert all(why_fixed(topology, topic) for topic in fixed)
    assert "one process" in (why_fixed(topology, topology.shared_delivery) or "")
    assert why_fixed(topology, topology.delivery("crm"))


@pytest.mark.parametrize(
    "changes",
    [
        {"retention_ms": "-1"},
        {"retention_ms": str(61 * DAY_MS)},
        {"max_message_bytes": "8388608"},
    ],
)
def test_what_a_topic_has_beyond_the_file_is_never_taken_from_it(changes: dict[str, str]):
    (difference,) = compare(DONE, found_as(DONE, ONE, **changes), ONE)
    assert difference.kind is Kind.DIFFERS
    assert difference.new_value is None
    assert "apply leaves it alone" in difference.text


def test_what_a_topic_lacks_is_given_to_it():
    found = found_as(DONE, ONE, retention_ms=str(DAY_MS), max_message_bytes="1048588")
    by_setting = {difference.setting: difference for difference in compare(DONE, found, ONE)}
    assert {d.kind for d in by_setting.values()} == {Kind.DIFFERS}
    assert by_setting["retention.ms"].new_value == str(60 * DAY_MS)
    assert "1048588B instead of 4MiB" in by_setting["max.message.bytes"].text


def test_after_a_cluster_has_grown_replicas_are_asked_for_before_they_must_be_in_sync():
    (difference,) = compare(WAITING, found_as(WAITING, ONE), THREE)
    assert difference.kind is Kind.DIFFERS
    assert "1 of 3 replicas" in difference.text


def test_brokers_that_forget_offsets_or_make_topics_of_themselves_are_warned_of():
    (forgetful,) = cluster_warnings({"offsets.retention.minutes": str(7 * 24 * 60)})
    assert "after 7 days" in forgetful
    assert "offsets.retention.minutes to 129600" in forgetful
    (eager,) = cluster_warnings({"auto.create.topics.enable": "true"})
    assert "auto.create.topics.enable to false" in eager
    (untidy,) = cluster_warnings({"log.cleaner.enable": "false"})
    assert "tables grow" in untidy
    assert cluster_warnings({"offsets.retention.minutes": str(90 * 24 * 60)}) == ()
