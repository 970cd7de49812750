from __future__ import annotations

import os
from collections.abc import Callable, Generator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from tests.storage.postgres_server import NoPostgres, PostgresServer, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    """A server; without one the tests that want it are skipped, or fail where it is demanded."""
    try:
        if find_spec("psycopg") is None:
            raise NoPostgres("psycopg is not installed (the extra `postgres`)")  # noqa: TRY301 - one way out
        with running_postgres() as server:
            yield server
    except NoPostgres as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL: {exc}")


@pytest.fixture(scope="session")
def new_database(postgres: PostgresServer) -> Callable[[], str]:
    numbers = count()

    def create() -> str:
        name = f"store_{next(numbers)}"
        engine = create_engine(
            postgres.url("postgres").replace("postgresql", "postgresql+psycopg", 1),
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return postgres.url(name)

    return create


@pytest.fixture
def postgres_url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def sqlite_url(sqlite_path: Path) -> str:
    return f"sqlite:///{sqlite_path}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a store that is not there yet: everything that takes it runs on both."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def store(url: str) -> Generator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()
