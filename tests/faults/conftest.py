"""A pipeline that is not started yet, on the session's broker or on one of its own."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from tests.faults.kafka_nodes import KafkaNode, running_nodes
from tests.kafka_broker import SessionBroker
from tests.receiver import Receiver, receiving
from tests.running_pipeline import RunningPipeline, running_pipeline


@dataclass(frozen=True)
class OwnBroker:
    """A broker that the test may stop and kill, and the pipeline on it."""

    kafka: EmbeddedKafka
    pipeline: RunningPipeline


@pytest.fixture
def pipeline(broker: SessionBroker, tmp_path: Path) -> Generator[RunningPipeline]:
    with running_pipeline(broker.bootstrap_servers, tmp_path / "pipeline") as running:
        yield running


@pytest.fixture
def own_broker(tmp_path: Path) -> Generator[OwnBroker]:
    kafka = EmbeddedKafka(tmp_path / "broker")
    try:
        with running_pipeline(kafka.start(), tmp_path / "pipeline") as running:
            yield OwnBroker(kafka, running)
    finally:
        kafka.stop()


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(autouse=True)
def tell_the_logs(tmp_path: Path) -> Generator[None]:
    yield
    for log in sorted((tmp_path / "pipeline").glob("*.log")):
        print(f"== {log.name}\n{log.read_text()[-2000:]}")  # noqa: T201 - shown where a test failed


@pytest.fixture
def nodes(tmp_path: Path) -> Generator[list[KafkaNode]]:
    """Three brokers of one cluster."""
    with running_nodes(tmp_path / "cluster", end=KafkaNode.stop) as running:
        yield running
