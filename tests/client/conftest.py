"""A pipeline's topics on the session's broker; no stage runs."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline, running_pipeline


@pytest.fixture
def pipeline(broker: SessionBroker, tmp_path: Path) -> Generator[RunningPipeline]:
    with running_pipeline(broker.bootstrap_servers, tmp_path / "pipeline") as running:
        yield running
