"""Topics get more partitions while everything runs."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# confluent_kafka.admin does not say what its futures hold.

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from pipeline.domain.endpoint import Account, Endpoint
from pipeline.resources import TOPICS_FILE
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

GROWN = 6
SOURCE = "orders-of-a-shop"


def grow(pipeline: RunningPipeline, *topics: str) -> None:
    admin = AdminClient(dict(pipeline.connection))
    wanted = [NewPartitions(topic, GROWN) for topic in topics]
    for done in admin.create_partitions(wanted).values():
        done.result(30)


def produce(pipeline: RunningPipeline, topic: str, first: int, end: int) -> None:
    """Each to a partition of its own choice, so that all of them get some."""
    count = len(pipeline.producer.list_topics(topic, timeout=10).topics[topic].partitions)
    for number in range(first, end):
        event = {"account": "acme", "type": "made", "id": f"e{number}", "data": {"n": number}}
        value = json.dumps(event).encode()
        pipeline.producer.produce(topic, value, b"k", partition=number % count)
    assert pipeline.producer.flush(60) == 0


def received(receiver: Receiver) -> set[int]:
    return {json.loads(request.body)["Data"]["n"] for request in receiver.requests}


def recorded(pipeline: RunningPipeline) -> int:
    with closing(sqlite3.connect(pipeline.data_dir / "store.sqlite")) as store:
        (count,) = store.execute("SELECT count(*) FROM deliveries").fetchone()
        return count


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(600)
def test_nothing_is_lost_while_topics_grow(
    pipeline: RunningPipeline, receiver: Receiver, tmp_path: Path
):
    """Of a source that begins at its end, too: what is in a new partition is not history."""
    source = pipeline.prefix + SOURCE
    admin = AdminClient(dict(pipeline.connection))
    admin.create_topics([NewTopic(source, 2, 1)])[source].result(30)
    eventually(lambda: _partitions(pipeline, source) == 2)
    produce(pipeline, source, 9_000, 9_010)  # history, which nobody wants
    file = yaml.safe_load(TOPICS_FILE.read_text())
    file["sources"].append({"topic": source, "format": "json", "start": "latest"})
    (tmp_path / "topics.yaml").write_text(yaml.safe_dump(file))
    # librdkafka looks for new partitions every five minutes otherwise.
    options = json.dumps({"topic.metadata.refresh.interval.ms": "3000"})
    pipeline.settings = {
        "PIPELINE_KAFKA__TOPICS_FILE": str(tmp_path / "topics.yaml"),
        "PIPELINE_KAFKA__OPTIONS": options,
    }
    pipeline.put_account(Account("acme", "twelve-twenty"))
    pipeline.put_endpoint(Endpoint("crm", "acme", "twelve-twenty", "", url=receiver.url("/")))
    pipeline.run()
    events, topology = pipeline.topology.events, pipeline.topology
    eventually(lambda: len(pipeline.committed("router", source)) == 2)  # it begins from here on
    produce(pipeline, events, 0, 50)
    produce(pipeline, source, 50, 100)
    receiver.wait_for(100)
    grow(pipeline, events, source, topology.attempts, topology.dead_letter, topology.retry("1s"))
    eventually(lambda: _partitions(pipeline, source) == _partitions(pipeline, events) == GROWN)
    produce(pipeline, events, 100, 200)
    produce(pipeline, source, 200, 300)
    eventually(
        lambda: received(receiver) == set(range(300)),
        seconds=90,
        text=lambda: f"missing: {sorted(set(range(300)) - received(receiver))}",
    )
    eventually(lambda: recorded(pipeline) == 300, text=lambda: f"{recorded(pipeline)} recorded")
    pipeline.stop("router", "recorder")
    produce(pipeline, events, 300, 400)
    pipeline.run("router", "recorder")  # topics.yaml still has the old numbers
    eventually(lambda: received(receiver) == set(range(400)), seconds=60)
    eventually(lambda: recorded(pipeline) == 400)


def _partitions(pipeline: RunningPipeline, topic: str) -> int:
    return len(pipeline.producer.list_topics(topic, timeout=10).topics[topic].partitions)
