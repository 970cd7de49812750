from __future__ import annotations

from pipeline.adapters.kafka.lag import PartitionLag
from pipeline.api.console.pages.overview import Backlog
from pipeline.flow import Partition
from pipeline.wiring.console_parts import backlog_of
from pipeline.wiring.reading_groups import PartitionState, ReadPartition, ReadTopic
from pipeline.wiring.stage_topics import TopicKind


def a_topic(stage: str, topic: str, kind: TopicKind, *, lag: int = 0, is_own: bool = False):
    state = PartitionState.HELD if lag < 0 else PartitionState.READING
    place = PartitionLag(Partition(topic, 0), 10, 0, 10 + abs(lag), 500 if lag else None)
    return ReadTopic(stage, f"g.{stage}", topic, kind, is_own, (ReadPartition(place, state, None),))


def test_endpoints_own_topics_are_summed_up_and_tiers_are_not_late():
    backlog = backlog_of(
        [
            a_topic("scheduler", "retry.1m", TopicKind.WAITING, lag=7),
            a_topic("router", "events", TopicKind.FLOWING, lag=3),
            a_topic("sender", "delivery.a", TopicKind.DELIVERY, lag=1, is_own=True),
            a_topic("sender", "delivery.b", TopicKind.INACTIVE, lag=5, is_own=True),
            a_topic("sender", "delivery.c", TopicKind.DELIVERY, lag=-2, is_own=True),
        ],
        1_000,
    )
    assert [(row.stage, row.name, row.kind, row.records, row.held) for row in backlog.rows] == [
        ("router", "events", "late", 3, 0),
        ("sender", "endpoints' own topics (2)", "late", 3, 1),
        ("sender", "of inactive endpoints", "inactive", 5, 0),
        ("scheduler", "retry.1m", "tier", 7, 0),
    ]
    assert backlog.late == 6
    assert backlog.held == 1
    assert backlog.events_end == 13


def test_the_rate_of_events_is_of_the_time_between_two_looks():
    before, after = Backlog(1_000, (), 100), Backlog(6_000, (), 150)
    assert after.after(before).events_per_second == 10
    assert after.after(None).events_per_second is None
    assert after.after(after).events_per_second is None, "no time has passed"
    assert Backlog(900_000, (), 150).after(before).events_per_second is None, "too long ago"
    assert Backlog(6_000, (), 0).after(before).events_per_second == 0, "made anew"
