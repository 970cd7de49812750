"""Which topics of removed endpoints may go, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.domain.deletion import KEPT_MS
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.topic_pruning import LogSpan, TopicJudge
from pipeline.domain.topology import Topology

TOPOLOGY = Topology("webhooks.")
NOW_MS = 1_795_000_000_000
TOPIC = TOPOLOGY.delivery("gone")
REMOVED = Endpoint(
    "gone",
    "acme",
    "twenty",
    TOPIC,
    status=EndpointStatus.REMOVED,
    status_since_ms=NOW_MS - KEPT_MS - 1,
)
EMPTIED = LogSpan(first=7, end=7, committed=7, first_young=7)


def why_kept(*endpoints: Endpoint, spans: tuple[LogSpan, ...] = (EMPTIED,)) -> str | None:
    judged = TopicJudge(endpoints, TOPOLOGY, kept_ms=KEPT_MS, now_ms=NOW_MS).judge(TOPIC, spans)
    assert judged is not None
    assert (judged.topic, judged.endpoint) == (TOPIC, "gone")
    return judged.kept_because


@pytest.mark.parametrize(
    "span",
    [
        EMPTIED,
        LogSpan(first=0, end=7, committed=7, first_young=7),
        # Nothing was ever written to it, or its offsets were forgotten after all of it was deleted.
        LogSpan(first=0, end=0, committed=None, first_young=0),
        LogSpan(first=7, end=7, committed=None, first_young=7),
    ],
)
def test_a_topic_goes_when_its_endpoint_was_removed_long_ago_and_all_in_it_is_over(span: LogSpan):
    assert why_kept(REMOVED, spans=(span,)) is None


def test_a_topic_is_kept_until_its_endpoint_was_removed_for_longer_than_deliveries_are_kept():
    lately = replace(REMOVED, status_since_ms=NOW_MS - KEPT_MS)
    reason = "its endpoint was removed lately: kept until 2026-11-18T11:06:40Z"
    assert why_kept(lately) == reason
    assert why_kept(replace(REMOVED, status_since_ms=NOW_MS + 1)) is not None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (EndpointStatus.ACTIVE, "its endpoint is active"),
        (EndpointStatus.INACTIVE, "its endpoint is inactive"),
        (EndpointStatus.PENDING, "its endpoint is pending"),
    ],
)
def test_a_topic_is_kept_while_its_endpoint_is_there(status: EndpointStatus, reason: str):
    assert why_kept(replace(REMOVED, status=status)) == reason


def test_a_topic_is_kept_where_nothing_is_known_of_its_endpoint():
    assert why_kept() == "the tables know no such endpoint"
    unknown = replace(REMOVED, status_since_ms=0)
    assert why_kept(unknown) == "when its endpoint was removed is not known"


@pytest.mark.parametrize("place", ["topic", "moved_from"])
def test_a_topic_is_kept_where_another_endpoint_uses_it_or_did(place: str):
    other = Endpoint("other", "acme", "twenty", TOPOLOGY.shared_delivery)
    reason = "deliveries of other are written to it, or were"
    assert why_kept(REMOVED, replace(other, **{place: TOPIC})) == reason
    assert why_kept(REMOVED, other) is None


def test_an_endpoint_that_was_moved_away_uses_its_topic_as_long_as_it_is_there():
    moved = replace(REMOVED, topic=TOPOLOGY.shared_delivery, moved_from=TOPIC)
    assert why_kept(moved) is None
    assert why_kept(replace(moved, status=EndpointStatus.ACTIVE)) == "its endpoint is active"


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (LogSpan(first=3, end=7, committed=6, first_young=7), "1 record in it is not finished"),
        (LogSpan(first=3, end=7, committed=None, first_young=7), "4 records in it are not"),
        (LogSpan(first=3, end=7, committed=0, first_young=7), "4 records in it are not finished"),
        (LogSpan(first=3, end=7, committed=7, first_young=5), "2 records in it are too young yet"),
        (LogSpan(first=3, end=7, committed=7, first_young=None), "4 records in it are too young"),
    ],
)
def test_a_topic_is_kept_for_what_is_in_any_of_its_partitions(span: LogSpan, reason: str):
    for spans in ((span,), (EMPTIED, span), (span, EMPTIED)):
        kept = why_kept(REMOVED, spans=spans)
        assert kept is not None
        assert kept.startswith(reason)


def test_a_topic_that_is_no_endpoints_own_is_not_judged():
    judge = TopicJudge([REMOVED], TOPOLOGY, kept_ms=KEPT_MS, now_ms=NOW_MS)
    for topic in (TOPOLOGY.shared_delivery, TOPOLOGY.events, "other.delivery.gone"):
        assert judge.judge(topic, [EMPTIED]) is None
