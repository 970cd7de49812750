"""Clients that ask are freed at once: one that librdkafka's thread frees ends the process."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable, Generator

import pytest

from pipeline.adapters.kafka.cluster import Cluster, ClusterFailed, TopicToCreate
from pipeline.adapters.kafka.inquiry import Inquiry, KafkaUnreachable
from pipeline.flow import Partition
from tests.kafka_broker import SessionBroker

NOBODY = "127.0.0.1:9"
SOMEWHERE = [Partition("somewhere", 0)]
QUESTIONS: tuple[Callable[[Inquiry], object], ...] = (
    lambda inquiry: inquiry.seen(),
    lambda inquiry: inquiry.topics(),
    lambda inquiry: inquiry.topic_ids(["somewhere"]),
    lambda inquiry: inquiry.committed("group", SOMEWHERE),
    lambda inquiry: inquiry.assigned("group"),
    lambda inquiry: inquiry.bounds(SOMEWHERE),
)


@pytest.fixture(autouse=True)
def no_collector() -> Generator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("ask", QUESTIONS)
def test_an_unanswered_question_keeps_no_client_alive(ask: Callable[[Inquiry], object]) -> None:
    inquiry = Inquiry(
        {"bootstrap.servers": NOBODY}, wait_seconds=0.5, logger=logging.getLogger("quiet")
    )
    kept = weakref.ref(inquiry)
    with pytest.raises(KafkaUnreachable):
        ask(inquiry)
    del inquiry
    assert kept() is None


def test_a_refused_order_keeps_no_client_alive(broker: SessionBroker) -> None:
    cluster = Cluster({"bootstrap.servers": broker.bootstrap_servers})
    kept = weakref.ref(cluster)
    with pytest.raises(ClusterFailed):
        cluster.create([TopicToCreate("of no size", 1, 1, {})])
    with pytest.raises(ClusterFailed):
        cluster.topic_settings(["nowhere-to-be-found"])
    del cluster
    assert kept() is None
