"""The API as a process of its own, on a broker, with tables of a layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.children import BenchmarkFailed, Child, ending, wait_until
from benchmarks.endpoint_layouts import EndpointLayout, write_topics
from benchmarks.endpoint_tables import own_topics, publish_tables
from benchmarks.running_broker import RunningBroker
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.inquiry import Inquiry
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.topology import Topology
from pipeline.flow import Partition

OPERATOR_KEY: Final = "the-operators-key-of-a-benchmark"
_PREFIX: Final = "webhooks."
_NOWHERE: Final = "http://127.0.0.1:9"
"""Nothing is sent: no stage runs."""
_ANSWERS: Final = re.compile(r"the API answers on http://127\.0\.0\.1:(\d+)")
_READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class RunningApi:
    """It answers."""

    child: Child
    port: int
    published: Callable[[], int]
    """How many events Kafka has."""


@contextmanager
def running_api(broker: RunningBroker, layout: EndpointLayout) -> Generator[RunningApi]:
    """`pipeline run api`, with accounts and endpoints in its tables. Raises BenchmarkFailed."""
    folder = broker.folder
    write_topics(folder / "topics.yaml", layout)
    file = read_topic_file(folder / "topics.yaml", Topology(_PREFIX))
    topics = Topics(Cluster({"bootstrap.servers": broker.servers}), file)
    topics.apply()
    topics.create(own_topics(layout, file.topology))
    publish_tables(broker.servers, layout, file.topology, address=_NOWHERE, data_dir=folder)
    api = Child("api", ("pipeline", "run", "api", "--follow-parent"), folder, _settings(broker))
    with ending([api]):
        wait_until(
            lambda: _ANSWERS.search(api.said()) is not None,
            seconds=_READY_SECONDS,
            text="the API does not answer",
            watched=[api],
        )
        yield RunningApi(api, _port(api), _counted(broker, file.topology.events))


def _settings(broker: RunningBroker) -> dict[str, str]:
    return {
        "PIPELINE_DATA_DIR": str(broker.folder),
        "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": broker.servers,
        "PIPELINE_KAFKA__TOPIC_PREFIX": _PREFIX,
        "PIPELINE_KAFKA__TOPICS_FILE": str(broker.folder / "topics.yaml"),
        "PIPELINE_API__OPERATOR_KEY": OPERATOR_KEY,
        "PIPELINE_API__PORT": "0",
    }


def _port(api: Child) -> int:
    found = _ANSWERS.search(api.said())
    if found is None:
        raise BenchmarkFailed("the API does not say where it answers")
    return int(found[1])


def _counted(broker: RunningBroker, topic: str) -> Callable[[], int]:
    inquiry = Inquiry({"bootstrap.servers": broker.servers})
    partitions = [Partition(topic, number) for number in range(inquiry.topics()[topic])]
    return lambda: sum(bounds.end for bounds in inquiry.bounds(partitions).values())
