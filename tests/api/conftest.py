from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.api.delivery_facts import LogApi, recording_store
from tests.api.resource_api import resource_api
from tests.api.running_api import RunningApi, running_api
from tests.kafka_broker import SessionBroker
from tests.storage.postgres_server import NoPostgres, PostgresServer, running_postgres


@pytest.fixture(scope="session")
def api_postgres() -> Generator[PostgresServer]:
    """A server; without one the tests that want it are skipped, or fail where it is demanded."""
    with ExitStack() as closing:
        try:
            server = closing.enter_context(running_postgres())
        except NoPostgres as exc:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"no PostgreSQL: {exc}")
        yield server


@pytest.fixture(scope="session")
def new_postgres_url(api_postgres: PostgresServer) -> Callable[[], str]:
    numbers = count()

    def create() -> str:
        name = f"api_{next(numbers)}"
        engine = create_engine(
            api_postgres.url("postgres").replace("postgresql", "postgresql+psycopg", 1),
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return api_postgres.url(name)

    return create


# The store's own suite runs on both databases; all of the API on the second takes minutes more.
@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.soak)]
)
def api(
    request: pytest.FixtureRequest,
    broker: SessionBroker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[RunningApi]:
    """One process for all tests, each of which makes accounts of its own; once on each database."""
    settings: dict[str, str] = {}
    if request.param == "postgres":
        settings["PIPELINE_STORE__URL"] = request.getfixturevalue("new_postgres_url")()
    data_dir: Path = tmp_path_factory.mktemp("api") / "data"
    with running_api(broker.bootstrap_servers, data_dir, **settings) as running:
        yield running
        assert "Traceback" not in running.log()


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.soak)]
)
def log_api(
    request: pytest.FixtureRequest,
    broker: SessionBroker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[LogApi]:
    """In a thread of the tests, which may write its log themselves; once on each database."""
    data_dir = tmp_path_factory.mktemp("log-api")
    url = f"sqlite:///{data_dir / 'log.sqlite'}"
    if request.param == "postgres":
        url = request.getfixturevalue("new_postgres_url")()
    with (
        resource_api(broker.bootstrap_servers, data_dir, store_url=url) as running,
        recording_store(url) as store,
    ):
        yield LogApi(running, store)
