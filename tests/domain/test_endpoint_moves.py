"""Where an endpoint may move to, and what its record says then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.domain.endpoint import Endpoint, EndpointStatus, Order
from pipeline.domain.endpoint_topics import (
    QUIET_MS,
    CannotMove,
    NoOwnTopic,
    Placement,
    TopicChooser,
)
from pipeline.domain.topology import Topology

NOW_MS = 1_795_000_000_000
TOPOLOGY = Topology("webhooks.")
OWN = Endpoint("e", "a", "twenty", TOPOLOGY.delivery("e"))
SHARED = Endpoint("s", "a", "twenty", TOPOLOGY.shared_delivery)


def _chooser(*present: Endpoint, limit: int = 2) -> TopicChooser:
    return TopicChooser(TOPOLOGY, limit, present=present)


def test_the_topic_before_is_remembered_both_ways() -> None:
    chooser = _chooser(OWN)
    shared = chooser.move(OWN, Placement.SHARED, now_ms=NOW_MS)
    assert (shared.topic, shared.moved_from) == (TOPOLOGY.shared_delivery, OWN.topic)
    assert shared.moved_at_ms == NOW_MS
    back = chooser.move(shared, Placement.DEDICATED, now_ms=NOW_MS + 1)
    assert (back.topic, back.moved_from) == (OWN.topic, TOPOLOGY.shared_delivery)


@pytest.mark.parametrize(
    ("endpoint", "to"), [(OWN, Placement.DEDICATED), (SHARED, Placement.SHARED)]
)
def test_who_is_there_already_stays_as_it_is(endpoint: Endpoint, to: Placement) -> None:
    assert _chooser(OWN, limit=1).move(endpoint, to, now_ms=NOW_MS) == endpoint


def test_strict_order_keeps_its_topic() -> None:
    with pytest.raises(CannotMove, match="order: none"):
        _chooser(OWN).move(replace(OWN, order=Order.STRICT), Placement.SHARED, now_ms=NOW_MS)


def test_no_more_than_the_limit_move_into_topics_of_their_own() -> None:
    with pytest.raises(CannotMove, match="at most 1"):
        _chooser(OWN, SHARED, limit=1).move(SHARED, Placement.DEDICATED, now_ms=NOW_MS)


def test_a_removed_endpoint_does_not_move() -> None:
    removed = replace(OWN, status=EndpointStatus.REMOVED)
    with pytest.raises(CannotMove, match="removed"):
        _chooser(removed).move(removed, Placement.SHARED, now_ms=NOW_MS)


def test_strict_order_waits_until_the_shared_topic_is_quiet() -> None:
    chooser = _chooser(SHARED)
    moved = chooser.move(SHARED, Placement.DEDICATED, now_ms=NOW_MS)
    with pytest.raises(NoOwnTopic, match="try again after 20"):
        chooser.check_kept(moved, Order.STRICT, now_ms=NOW_MS + QUIET_MS - 1)
    chooser.check_kept(moved, Order.STRICT, now_ms=NOW_MS + QUIET_MS)
    chooser.check_kept(moved, Order.NONE, now_ms=NOW_MS)
