"""The whole pipeline as processes, as an operator would run it: one process of each stage."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError

from benchmarks.catching_up import Groups
from benchmarks.children import BenchmarkFailed, Child, clean_environment, ending, wait_until
from benchmarks.endpoint_layouts import EndpointLayout, TopicKind, write_endpoints, write_topics
from benchmarks.running_broker import RunningBroker
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.topic_file import TopicFile, read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.domain.topology import Topology

STAGES: Final = ("router", "sender", "scheduler", "recorder")
_PREFIX: Final = "webhooks."
_COMMAND_SECONDS: Final = 60.0
_READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class RunningPipeline:
    """Stages that consume."""

    stages: tuple[Child, ...]
    topology: Topology
    groups: Groups


@contextmanager
def running_pipeline(
    broker: RunningBroker, layout: EndpointLayout, *, port: int
) -> Generator[RunningPipeline]:
    """All stages, ready, with endpoints on a receiver's port. Raises BenchmarkFailed."""
    folder = broker.folder
    write_topics(folder / "topics.yaml", layout)
    write_endpoints(folder / "endpoints.yaml", layout, port=port)
    file = read_topic_file(folder / "topics.yaml", Topology(_PREFIX))
    Topics(Cluster({"bootstrap.servers": broker.servers}), file).apply()
    settings = _settings(broker)
    _run_command(settings, folder, "endpoints", "apply", "endpoints.yaml")
    stages = tuple(
        Child(stage, ("pipeline", "run", stage, "--slot", "0", "--follow-parent"), folder, settings)
        for stage in STAGES
    )
    with ending(stages):
        wait_until(
            lambda: all(_is_ready(stage, folder) for stage in stages),
            seconds=_READY_SECONDS,
            text="the stages are not ready",
            watched=stages,
        )
        yield RunningPipeline(stages, file.topology, _groups(broker, file, layout))


def _settings(broker: RunningBroker) -> dict[str, str]:
    return {
        "PIPELINE_DATA_DIR": str(broker.folder),
        "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": broker.servers,
        "PIPELINE_KAFKA__TOPIC_PREFIX": _PREFIX,
        "PIPELINE_KAFKA__TOPICS_FILE": str(broker.folder / "topics.yaml"),
        "PIPELINE_SENDING__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    }


def _run_command(settings: dict[str, str], folder: Path, *words: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "pipeline", *words],
        cwd=folder,
        env={**clean_environment(), **settings},
        capture_output=True,
        check=False,
        text=True,
        timeout=_COMMAND_SECONDS,
    )
    if answer.returncode:
        raise BenchmarkFailed(f"pipeline {' '.join(words)}: {answer.stderr.strip()}")


def _is_ready(stage: Child, folder: Path) -> bool:
    try:
        note = json.loads((folder / "run" / f"{stage.name}-0.json").read_text())
        # 200 means ready; anything else is an exception.
        url = f"http://127.0.0.1:{note['health_port']}/readyz"
        with urllib.request.urlopen(url, timeout=5):
            return note["pid"] == stage.pid
    except (URLError, OSError, ValueError):
        return False


def _groups(broker: RunningBroker, file: TopicFile, layout: EndpointLayout) -> Groups:
    topology = file.topology
    delivery = [topology.shared_delivery]
    if layout.topics is TopicKind.OWN:
        delivery = [
            topology.delivery(f"endpoint-{account}-{number}")
            for account in range(layout.accounts)
            for number in range(layout.fan_out)
        ]
    read = {
        f"{_PREFIX}router": [topology.events],
        f"{_PREFIX}sender": delivery,
        f"{_PREFIX}recorder": [topology.attempts],
    }
    return Groups(broker.servers, read)
