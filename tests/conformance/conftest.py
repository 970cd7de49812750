from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.systems import Systems, running_systems
from tests.kafka_broker import SessionBroker


@pytest.fixture(scope="session")
def systems(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """One pipeline for all tests, each of which makes accounts of its own."""
    folder = tmp_path_factory.mktemp("systems")
    with running_systems(broker.bootstrap_servers, folder) as running:
        yield running
    for log in sorted((folder / "pipeline").glob("*.log")):
        assert "Traceback" not in log.read_text(), log.read_text()[-4000:]
