from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pipeline.adapters.kafka.source_formats import SourceFormat
from pipeline.adapters.kafka.topic_file import (
    Source,
    SourceStart,
    TopicFile,
    TopicFileError,
    read_topic_file,
)
from pipeline.domain.tiers import DEFAULT_TIERS
from pipeline.domain.topology import Topology

SHIPPED: Final = Path(__file__).parents[2] / "topics.yaml"
DAY_MS: Final = 86_400_000
MIB: Final = 1024 * 1024


def read_changed(tmp_path: Path, old: str, new: str) -> TopicFile:
    text = SHIPPED.read_text(encoding="utf-8")
    assert text.count(old) >= 1, "the test changes what is not there"
    path = tmp_path / "topics.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return read_topic_file(path, Topology())


@pytest.fixture(scope="module")
def shipped() -> TopicFile:
    return read_topic_file(SHIPPED, Topology())


def test_the_shipped_file_declares_every_topic_of_the_pipeline(shipped: TopicFile):
    topology = Topology()
    assert set(shipped.topics) == {
        *topology.tables,
        *(topology.events, topology.positions, topology.shared_delivery, topology.dead_letter),
        *(topology.attempts, topology.jobs, topology.interventions),
        *topology.retries(["1s", "5s", "1m", "10m", "1h", "6h"]),
    }
    assert shipped.tiers == DEFAULT_TIERS
    assert shipped.dedicated_limit == 100


def test_the_shipped_file_has_the_partitions_that_ownership_and_order_are_built_on(
    shipped: TopicFile,
):
    partitions = {topic: spec.partitions for topic, spec in shipped.topics.items()}
    assert partitions["webhooks.events"] == partitions["webhooks.attempts"] == 4
    assert partitions["webhooks.shared-delivery"] == 8
    assert partitions["webhooks.dead-letter"] == partitions["webhooks.retry.6h"] == 2
    assert {partitions[topic] for topic in (*Topology().tables, "webhooks.positions")} == {1}
    assert shipped.delivery.partitions == 1


def test_the_shipped_file_keeps_what_waits_for_ever_and_what_is_done_for_60_days(
    shipped: TopicFile,
):
    for topic in ("webhooks.shared-delivery", "webhooks.retry.1s"):
        assert shipped.topics[topic].config["retention.ms"] == "-1"
    assert shipped.delivery.config["retention.ms"] == "-1"
    for topic in ("webhooks.events", "webhooks.attempts", "webhooks.dead-letter"):
        assert shipped.topics[topic].config["retention.ms"] == str(60 * DAY_MS)
    for spec in (*shipped.topics.values(), shipped.delivery):
        assert spec.config["retention.bytes"] == "-1"
        assert spec.config["message.timestamp.type"] == "LogAppendTime"
        assert spec.config["unclean.leader.election.enable"] == "false"


def test_the_shipped_file_lets_each_record_grow_on_its_way(shipped: TopicFile):
    largest = {topic: int(s.config["max.message.bytes"]) for topic, s in shipped.topics.items()}
    assert largest["webhooks.events"] == 2 * MIB
    assert largest["webhooks.shared-delivery"] == largest["webhooks.retry.1h"] == 4 * MIB
    assert largest["webhooks.dead-letter"] == 6 * MIB


def test_our_own_events_are_read_from_their_beginning(shipped: TopicFile):
    assert shipped.sources == (Source("webhooks.events", SourceFormat.AUTO, SourceStart.EARLIEST),)


def test_an_endpoints_own_topic_is_like_the_template_and_a_strangers_is_none_of_ours(
    shipped: TopicFile,
):
    assert shipped.spec_of("webhooks.delivery.ep_1") is shipped.delivery
    assert shipped.spec_of("webhooks.retry.5s") is shipped.topics["webhooks.retry.5s"]
    assert shipped.spec_of("webhooks.retry.2m") is None
    assert shipped.spec_of("crm.contacts") is None


def test_names_begin_with_the_prefix_and_foreign_sources_do_not(tmp_path: Path):
    path = tmp_path / "topics.yaml"
    text = SHIPPED.read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "  - {topic: events, format: auto, start: earliest}",
            "  - {topic: events}\n"
            "  - {topic: crm.contacts, format: cloudevents, start: 2026-03-02T12:00:00+01:00}\n",
        ),
        encoding="utf-8",
    )
    topic_file = read_topic_file(path, Topology("shop."))
    assert topic_file.sources == (
        Source("shop.events", SourceFormat.AUTO, SourceStart.LATEST),
        Source("crm.contacts", SourceFormat.CLOUDEVENTS, 1_772_449_200_000),
    )
    assert "shop.retry.1s" in topic_file.topics


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("retry:", "rety:", r":\d+: rety: unknown field: did you mean retry\?"),
        ("tiers: [1s, 5s", "tiers: [5s", r"retry\.tiers: .*the shortest must be 1s"),
        ("tiers: [1s, 5s", "tiers: [1s, 5", r"retry\.tiers\.1: .*text"),
        ("tiers: [1s, 5s", "tiers: [1s, 5 sec", r"retry\.tiers: .*such as 5s"),
        ("  events:\n", "  event:\n", r"topics\.event: unknown field: did you mean events\?"),
        ("  jobs: *table\n", "", r"topics\.jobs: missing"),
        ("max.message.bytes: 2MiB", "max.mesage.bytes: 2MiB", r"did you mean max\.message\.bytes"),
        ("max.message.bytes: 2MiB", "max.message.bytes: 2 megs", "give a size, such as 64MiB"),
        ("max.message.bytes: 2MiB", "max.message.bytes: -1", "give a size"),
        ("retention.ms: 60d", "retention.ms: 60", "give a text"),
        ("retention.ms: 60d", "retention.ms: two months", "is not a duration"),
        ("retention.ms: 60d", "min.insync.replicas: 1.5", "give a number, whole"),
        ("retention.ms: 60d", "min.cleanable.dirty.ratio: x", "give a number"),
        ("LogAppendTime", "LogApendTime", "did you mean LogAppendTime"),
        ("LogAppendTime", "CreateTime", "message.timestamp.type must be LogAppendTime"),
        ("partitions: 8", "partitions: 0", r"topics\.shared-delivery\.partitions: 0"),
        ("partitions: 8", "partitions: many", r"partitions: 'many': give a whole number"),
        ("partitions: 8", "partitions: 100000", "at most 1000"),
        ("retention.ms: unlimited", "retention.ms: 7d", r"delivery\.topic: retention\.ms must be"),
        ("retention.bytes: unlimited", "retention.bytes: 1GiB", r"retention\.bytes must be"),
        ("cleanup.policy: compact", "cleanup.policy: delete", r"topics\.accounts: cleanup\.policy"),
        ("delete\n      retention.ms: 60d", "compact", "cleanup.policy must be delete"),
        (
            "&table\n    partitions: 1",
            "&table\n    partitions: 2",
            r"accounts: partitions must be 1",
        ),
        ("  - {topic: events, format: auto, start: earliest}", "  []", "sources: missing: name a"),
        ("dedicated_limit: 100", "dedicated_limit: 5000", r"dedicated_limit: 5000: give 0 to 4000"),
        ("{topic: events, ", "{topic: attempts, ", "attempts is the pipeline's own"),
        ("{topic: events, ", "{topic: webhooks.retry.1s, ", "the pipeline's own"),
        ("format: auto", "format: xml", r"sources\.0\.format: 'xml'"),
        ("start: earliest", "start: tomorrow", r"sources\.0\.start: 'tomorrow': latest, earliest"),
        ("start: earliest", "start: 2026-03-02", r"'2026-03-02': latest, earliest or a time"),
        ("start: earliest}", "start: latest}\n  - {topic: events}", "is a source already"),
        ("sources:", "sources: []\nother:", "unknown field"),
    ],
)
def test_a_mistake_is_said_with_its_file_its_place_and_what_to_write(
    tmp_path: Path, old: str, new: str, text: str
):
    with pytest.raises(TopicFileError, match=text) as caught:
        read_changed(tmp_path, old, new)
    assert str(caught.value).startswith(f"{tmp_path / 'topics.yaml'}:")


def test_a_mistake_is_said_with_its_line(tmp_path: Path):
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "partitions: 8" in line)
    with pytest.raises(TopicFileError, match=rf"topics\.yaml:{number}: topics\.shared-delivery"):
        read_changed(tmp_path, "partitions: 8", "partitions: eight")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("topics: [", r":\d+: not YAML"),
        ("a: 1\na: 2\n", ":2: 'a' is given twice"),
        ("", "give an object"),
        ("- 1\n", "give an object"),
        ("a: !!python/object:os.system {}\n", "not YAML"),
        ("x" * 300_000, "too long"),
    ],
)
def test_what_is_no_topic_file_at_all_is_refused(tmp_path: Path, text: str, why: str):
    path = tmp_path / "topics.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TopicFileError, match=why):
        read_topic_file(path, Topology())


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(TopicFileError, match=r"nowhere\.yaml: No such file"):
        read_topic_file(tmp_path / "nowhere.yaml", Topology())
