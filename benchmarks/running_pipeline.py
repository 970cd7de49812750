"""The whole pipeline as processes, as an operator would run it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError

from benchmarks.catching_up import Groups
from benchmarks.children import Child, ending, wait_until
from benchmarks.endpoint_layouts import EndpointLayout, write_topics
from benchmarks.endpoint_tables import own_topics, publish_tables
from benchmarks.receiving import RunningReceiver
from benchmarks.running_broker import RunningBroker
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.topic_file import TopicFile, read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.topology import Topology

STAGES: Final = ("router", "sender", "scheduler", "recorder")
_PREFIX: Final = "webhooks."
_SCHEDULER_GROUP: Final = f"{_PREFIX}scheduler"
_READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """What runs."""

    layout: EndpointLayout
    sender_processes: int = 1

    def slots(self) -> Iterator[tuple[str, int]]:
        """Every process: its stage, and its number within it."""
        for stage in STAGES:
            for slot in range(self.sender_processes if stage == "sender" else 1):
                yield stage, slot


@dataclass(frozen=True, slots=True)
class RunningPipeline:
    """Stages that consume."""

    stages: tuple[Child, ...]
    topology: Topology
    groups: Groups

    def deferred(self) -> int:
        """How many records the tiers have had."""
        return self.groups.appended(_SCHEDULER_GROUP)


@contextmanager
def running_pipeline(
    broker: RunningBroker, plan: PipelinePlan, receiver: RunningReceiver, **others: str
) -> Generator[RunningPipeline]:
    """All stages, ready, with endpoints on a receiver. Raises BenchmarkFailed."""
    folder, layout = broker.folder, plan.layout
    write_topics(folder / "topics.yaml", layout)
    file = read_topic_file(folder / "topics.yaml", Topology(_PREFIX))
    topics = Topics(Cluster({"bootstrap.servers": broker.servers}), file)
    topics.apply()
    topics.create(own_topics(layout, file.topology))
    publish_tables(broker.servers, layout, file.topology, address=receiver.address, data_dir=folder)
    settings = {**_settings(broker, receiver), **others}
    slots = tuple(plan.slots())
    stages = tuple(
        Child(
            stage,
            ("pipeline", "run", stage, "--slot", str(slot), "--follow-parent"),
            folder,
            settings,
        )
        for stage, slot in slots
    )
    with ending(stages):
        wait_until(
            lambda: all(
                _is_ready(child, folder / "run" / f"{stage}-{slot}.json")
                for child, (stage, slot) in zip(stages, slots, strict=True)
            ),
            seconds=_READY_SECONDS,
            text="the stages are not ready",
            watched=stages,
        )
        yield RunningPipeline(stages, file.topology, _groups(broker, file, layout))


def _settings(broker: RunningBroker, receiver: RunningReceiver) -> dict[str, str]:
    settings = {
        "PIPELINE_DATA_DIR": str(broker.folder),
        "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": broker.servers,
        "PIPELINE_KAFKA__TOPIC_PREFIX": _PREFIX,
        "PIPELINE_KAFKA__TOPICS_FILE": str(broker.folder / "topics.yaml"),
        "PIPELINE_SENDING__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    }
    if receiver.certified is not None:
        settings["PIPELINE_SENDING__CA_FILE"] = str(receiver.certified.authority)
    return settings


def _is_ready(stage: Child, note_file: Path) -> bool:
    try:
        note = json.loads(note_file.read_text())
        # 200 means ready; anything else is an exception.
        url = f"http://127.0.0.1:{note['health_port']}/readyz"
        with urllib.request.urlopen(url, timeout=5):
            return note["pid"] == stage.pid
    except (URLError, OSError, ValueError):
        return False


def _groups(broker: RunningBroker, file: TopicFile, layout: EndpointLayout) -> Groups:
    topology = file.topology
    tiers = topology.retries([tier.name for tier in file.tiers])
    read = {
        f"{_PREFIX}router": [topology.events],
        f"{_PREFIX}sender": own_topics(layout, topology) or [topology.shared_delivery],
        _SCHEDULER_GROUP: tiers,
        f"{_PREFIX}recorder": [topology.attempts],
    }
    return Groups(broker.servers, read)
