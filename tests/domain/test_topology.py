from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.identifiers import InvalidIdentifier
from pipeline.domain.topology import InvalidPrefix, Topology

ENDPOINTS = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
PREFIXES = st.from_regex(r"\A[A-Za-z0-9._-]{0,100}\Z")


def test_topics_are_called_by_what_they_hold_behind_the_prefix():
    topology = Topology()
    assert topology.events == "webhooks.events"
    assert topology.tables == (
        "webhooks.accounts",
        "webhooks.profiles",
        "webhooks.endpoints",
        "webhooks.relations",
    )
    assert topology.delivery("ep_1") == "webhooks.delivery.ep_1"
    assert topology.retries(["1s", "6h"]) == ("webhooks.retry.1s", "webhooks.retry.6h")
    assert Topology("shop_").dead_letter == "shop_dead-letter"


@settings(deadline=None)
@given(PREFIXES, ENDPOINTS)
def test_an_endpoints_topic_says_whose_it_is_and_no_other_topic_does(prefix: str, endpoint: str):
    topology = Topology(prefix)
    assert topology.endpoint_of(topology.delivery(endpoint)) == endpoint
    others = (
        *topology.tables,
        *(topology.events, topology.positions, topology.shared_delivery, topology.dead_letter),
        *(topology.attempts, topology.jobs, topology.interventions, topology.retry("5s")),
    )
    assert [topology.endpoint_of(topic) for topic in others] == [None] * len(others)
    assert len(topology.delivery(endpoint)) <= 249


def test_a_tiers_topic_says_which_it_is_and_no_other_topic_does():
    topology = Topology()
    assert topology.tier_of("webhooks.retry.10m") == "10m"
    assert topology.tier_of("webhooks.events") is None
    assert topology.tier_of("retry.10m") is None


@settings(deadline=None)
@given(PREFIXES, ENDPOINTS)
def test_no_endpoint_can_have_the_topic_that_others_share(prefix: str, endpoint: str):
    topology = Topology(prefix)
    assert topology.delivery(endpoint) != topology.shared_delivery


@pytest.mark.parametrize("endpoint", ["", "a.b", "a/b", "é", "x" * 65])
def test_what_is_no_endpoints_id_gets_no_topic(endpoint: str):
    with pytest.raises(InvalidIdentifier):
        Topology().delivery(endpoint)


@pytest.mark.parametrize(
    ("prefix", "why"),
    [("web hooks.", "use only"), ("wébhooks.", "use only"), ("w" * 101, "at most")],
)
def test_a_prefix_that_kafka_would_not_take_is_refused(prefix: str, why: str):
    with pytest.raises(InvalidPrefix, match=why):
        Topology(prefix)
