from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.api.running_api import running_api
from tests.console.browsing import ANCESTOR, ConsoleUnderTest
from tests.kafka_broker import SessionBroker


@pytest.fixture(scope="session")
def console(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ConsoleUnderTest]:
    """The API's own process, pages included, for all tests."""
    data_dir: Path = tmp_path_factory.mktemp("console") / "data"
    settings = {"PIPELINE_CONSOLE__FRAME_ANCESTORS": f'["{ANCESTOR}"]'}
    with running_api(broker.bootstrap_servers, data_dir, **settings) as api:
        yield ConsoleUnderTest(api, data_dir)
        assert "Traceback" not in api.log()
