"""Whether Kafka can be used: it answers, has our topics, forgets nothing, keeps our time."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.adapters.kafka.broker_release import OLDEST_WITH_TOPIC_IDS, oldest_possible_release
from pipeline.adapters.kafka.clock_probe import clock_difference
from pipeline.adapters.kafka.cluster import ClusterFailed
from pipeline.adapters.kafka.inquiry import KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.topic_differences import Difference, Kind
from pipeline.adapters.kafka.topics import Topics
from pipeline.clock import now_ms
from pipeline.settings import Settings
from pipeline.wiring.connection import NoKafka
from pipeline.wiring.doctor.finding import Finding, error, ok, warning
from pipeline.wiring.reach import Reach, reach

_LATE_MS = 500
"""A retry that is late by more than this is noticed."""
_FAR_MS = 10_000


def kafka_findings(settings: Settings) -> Iterator[Finding]:
    """One check after the other; without an answer the first one only."""
    try:
        at = reach(settings)
        seen = at.inquiry().seen()
    except NoKafka as exc:
        yield error("kafka", str(exc), "start it, or set PIPELINE_KAFKA__BOOTSTRAP_SERVERS")
        return
    except (KafkaUnreachable, KafkaRefused) as exc:
        fix = "start it; check PIPELINE_KAFKA__BOOTSTRAP_SERVERS, ..._OPTIONS and the network"
        yield error("kafka", str(exc), fix)
        return
    brokers = "1 broker" if len(seen.brokers) == 1 else f"{len(seen.brokers)} brokers"
    yield ok("kafka", f"answers: {brokers} at {', '.join(seen.brokers)}, cluster {seen.cluster_id}")
    yield _release(at)
    try:
        yield from _topics(at.topics())
    except ClusterFailed as exc:
        yield error("topics", str(exc), "see that this user may describe topics and their settings")
    yield _clock(at)


def _release(at: Reach) -> Finding:
    release = oldest_possible_release(at.connection)
    if release is None:
        fix = f"use Kafka {OLDEST_WITH_TOPIC_IDS} or newer"
        return warning("kafka version", "not to be told, or older than 2.7", fix)
    if _number(release) < _number(OLDEST_WITH_TOPIC_IDS):
        return error(
            "kafka version",
            f"about {release}: it does not give topics ids",
            f"upgrade the brokers to {OLDEST_WITH_TOPIC_IDS} or newer",
        )
    return ok("kafka version", f"{release} or newer")


def _number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _topics(topics: Topics) -> Iterator[Finding]:
    found = topics.plan()
    yield from map(_of_difference, found)
    if not found:
        yield ok("topics", "all are there, as topics.yaml says")
    warnings = topics.cluster_warnings()
    for line in warnings:
        text, _, fix = line.rpartition("; ")
        yield warning("brokers' settings", text, fix)
    if not warnings:
        yield ok(
            "brokers' settings",
            "committed offsets are kept for long enough, no topic is made by itself",
        )


def _of_difference(found: Difference) -> Finding:
    text, _, fix = found.text.rpartition(": ")
    if found.kind in {Kind.MISSING, Kind.BREAKS}:
        return error("topics", text, fix)
    return warning("topics", text, fix)


def _clock(at: Reach) -> Finding:
    try:
        if at.topology.positions not in at.inquiry().topics():
            text = f"not compared: there is no topic {at.topology.positions}"
            return warning("clock", text, "create the topics: pipeline topics apply")
        found = clock_difference(at.connection, at.topology.positions, now_ms=now_ms)
    except (KafkaUnreachable, KafkaRefused) as exc:
        return warning("clock", f"not compared: {exc}", "create the topics: pipeline topics apply")
    if found is None:
        fix = f"set message.timestamp.type=LogAppendTime on {at.topology.positions}"
        return warning("clock", "not compared: the topic keeps the producers' times", fix)
    apart_ms = max(abs(found.difference_ms) - found.uncertainty_ms, 0)
    text = f"the brokers' clock and this machine's are {apart_ms:.0f} ms apart"
    fix = "synchronise both machines' clocks (chrony, systemd-timesyncd)"
    if apart_ms >= _FAR_MS:
        return error("clock", f"{text}: retries come that much early or late", fix)
    if apart_ms >= _LATE_MS:
        return warning("clock", f"{text}: retries come that much early or late", fix)
    return ok("clock", f"{text} (measured to {found.uncertainty_ms:.0f} ms)")
