"""A pipeline's topics on the session's broker, where no stage runs unless a test starts one."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.command import Shell
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline, running_pipeline


@pytest.fixture(scope="session")
def pipeline(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    folder = tmp_path_factory.mktemp("pipeline")
    with running_pipeline(broker.bootstrap_servers, folder) as running:
        yield running


@pytest.fixture
def shell(pipeline: RunningPipeline, tmp_path: Path) -> Shell:
    """Runs commands against that pipeline, in a folder of the test's own."""
    return Shell(tmp_path, pipeline.environment)


@pytest.fixture
def bare_shell(tmp_path: Path) -> Shell:
    """Runs commands with no setting but a data folder: there is no Kafka."""
    return Shell(tmp_path, {"PIPELINE_DATA_DIR": str(tmp_path / "data")})
