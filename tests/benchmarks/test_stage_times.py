"""Where an event's time goes, out of the records of a real broker."""

import time
import uuid
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from benchmarks.children import BenchmarkFailed
from benchmarks.endpoint_layouts import EndpointLayout, TopicKind
from benchmarks.events import KIB, DataTemplate, event_id, source_record
from benchmarks.stage_times import STAGES, SeenOutside, clock_offset_ns, stage_times
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.topology import Topology
from pipeline.resources import TOPICS_FILE
from tests.kafka.record_values import A_DELIVERY, AN_ATTEMPT, CODEC
from tests.kafka_broker import SessionBroker

LAYOUT = EndpointLayout(1, 1, TopicKind.SHARED)
NUMBERS = range(5, 8)
HOUR_NS = 3_600_000_000_000
HOUR_MS = 3_600_000

Append = Callable[[str, bytes], None]


@pytest.fixture
def topology(broker: SessionBroker) -> Topology:
    found = Topology(f"b{uuid.uuid4().hex[:10]}.")
    cluster = Cluster({"bootstrap.servers": broker.bootstrap_servers})
    Topics(cluster, read_topic_file(TOPICS_FILE, found)).apply()
    return found


@pytest.fixture
def append(broker: SessionBroker) -> Append:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})

    def append_one(topic: str, value: bytes) -> None:
        producer.produce(topic, value)
        assert producer.flush(30) == 0

    return append_one


def append_events(topology: Topology, append: Append) -> None:
    data = DataTemplate(KIB)
    for number in NUMBERS:
        record = source_record(number, "a", run="r", event_data=data, encode=CODEC.encode_event)
        append(topology.events, record.value)


def append_deliveries(topology: Topology, append: Append) -> None:
    for number in NUMBERS:
        delivery = A_DELIVERY._replace(event_id=event_id("r", number))
        append(topology.shared_delivery, CODEC.encode_delivery(delivery))


def append_attempts(topology: Topology, append: Append) -> None:
    attempts = [AN_ATTEMPT._replace(event_id=event_id("r", number)) for number in NUMBERS]
    append(topology.attempts, CODEC.encode_attempts(attempts))


def test_each_stage_is_told_by_when_its_record_was_appended(
    broker: SessionBroker, topology: Topology, append: Append
):
    sent_ns = time.monotonic_ns()
    append_events(topology, append)
    append_deliveries(topology, append)
    append_attempts(topology, append)
    took_ms = (time.monotonic_ns() - sent_ns) / 1_000_000 + 1
    seen = SeenOutside(
        dict.fromkeys(NUMBERS, sent_ns - HOUR_NS),
        dict.fromkeys(NUMBERS, sent_ns + 2 * HOUR_NS),
        clock_offset_ns(),
    )
    found = stage_times(broker.bootstrap_servers, topology, LAYOUT, seen=seen)
    middle = [found[f"stage.{stage}.p50_ms"] for stage in STAGES]
    assert middle[0] == pytest.approx(HOUR_MS, abs=took_ms)
    assert -1 <= middle[1] <= took_ms
    assert middle[2] == pytest.approx(2 * HOUR_MS, abs=took_ms)
    assert middle[3] == pytest.approx(-2 * HOUR_MS, abs=took_ms)


def test_an_event_without_an_attempt_is_missed(
    broker: SessionBroker, topology: Topology, append: Append
):
    append_events(topology, append)
    append_deliveries(topology, append)
    times = dict.fromkeys(NUMBERS, time.monotonic_ns())
    with pytest.raises(BenchmarkFailed, match=r"3 of 3 events are not in .*attempts"):
        stage_times(
            broker.bootstrap_servers,
            topology,
            LAYOUT,
            seen=SeenOutside(times, times, clock_offset_ns()),
        )
