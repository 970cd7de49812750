"""The fixture `broker`: one real Apache Kafka for the whole test session, on data of its own."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka


@dataclass(frozen=True, slots=True)
class SessionBroker:
    bootstrap_servers: str
    log: Path


@pytest.fixture(scope="session")
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SessionBroker]:
    """A running broker. Its folder, log included, stays behind if a test failed."""
    data_dir = tmp_path_factory.mktemp("broker")
    kafka = EmbeddedKafka(data_dir, progress=_say)
    with kafka as bootstrap_servers:
        yield SessionBroker(bootstrap_servers, data_dir / "kafka" / "server.log")
        if kafka.pid is not None:  # flushing hundreds of topics that nobody reads again takes long
            os.kill(kafka.pid, signal.SIGKILL)
    if not request.session.testsfailed:
        shutil.rmtree(data_dir, ignore_errors=True)


def _say(text: str) -> None:
    sys.stderr.write(f"broker: {text}\n")
