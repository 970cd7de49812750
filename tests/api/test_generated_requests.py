"""Requests made from the OpenAPI document, right and wrong ones, against the real process.

All checks of schemathesis: no answer is 5xx or undeclared, what is wrong is refused, what fits is
taken, no operation forgets to ask for a key.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import pytest

from tests.api.running_api import OPERATOR_KEY, RunningApi, running_api
from tests.kafka_broker import SessionBroker

SETTINGS: Final = Path(__file__).with_name("generated_requests.toml")
RULES: Final = "tests.api.generated_request_rules"
EVERY_PHASE: Final = "examples,coverage,fuzzing,stateful"
QUICK_PHASES: Final = "examples,fuzzing,stateful"
SEVERAL: Final = 3
MANY: Final = 150


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.soak)])
def api(
    request: pytest.FixtureRequest,
    broker: SessionBroker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[RunningApi]:
    """A process of its own: event types that come about here would hold for others' events."""
    settings: dict[str, str] = {}
    if request.param == "postgres":
        new_url: Callable[[], str] = request.getfixturevalue("new_postgres_url")
        settings["PIPELINE_STORE__URL"] = new_url()
    data_dir = tmp_path_factory.mktemp("generated") / "data"
    with running_api(broker.bootstrap_servers, data_dir, **settings) as running:
        yield running
        assert "Traceback" not in running.log()


@pytest.fixture
def asked_for(api: RunningApi) -> dict[str, str]:
    """An account with an endpoint, one with a relation; as the settings name them."""
    account, related = api.new_account(), api.new_account(profile="twelve-build")
    url = {"url": "https://hooks.example.com/"}
    made = api.operator.post(f"/v1/accounts/{account}/endpoints", json=url)
    relation = f"/v1/accounts/{related}/relations/c-1"
    assert api.operator.put(relation, json={"star": "gold"}).status_code == 201
    return {
        "GENERATED_ACCOUNT": account,
        "GENERATED_ENDPOINT": made.json()["id"],
        "GENERATED_RELATED": related,
    }


def run(api: RunningApi, key: str, names: dict[str, str], *options: str) -> None:
    """Fails with the report, in which keys are left out."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run"]
    done = subprocess.run(
        [
            *command,
            f"{api.url}/openapi.json",
            *("--header", f"Authorization: Bearer {key}"),
            *("--checks", "all", "--request-timeout", "30", "--warnings", "off", "--no-color"),
            *options,
        ],
        env={**os.environ, **names, "SCHEMATHESIS_HOOKS": RULES, "PYTHONWARNINGS": "ignore"},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(300)
def test_whatever_an_operator_asks_the_answer_is_as_declared(
    api: RunningApi, asked_for: dict[str, str]
):
    run(api, OPERATOR_KEY, asked_for, "--phases", QUICK_PHASES, "--max-examples", str(SEVERAL))


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_whatever_an_account_asks_the_answer_is_as_declared(
    api: RunningApi, asked_for: dict[str, str]
):
    key = api.new_key(account=asked_for["GENERATED_ACCOUNT"])
    run(api, key, asked_for, "--phases", "examples,fuzzing", "--max-examples", str(SEVERAL))


@pytest.mark.soak
@pytest.mark.parametrize("whose", ["operator", "account"])
def test_whatever_is_asked_for_long_the_answer_is_as_declared(
    api: RunningApi, asked_for: dict[str, str], whose: str
):
    key = OPERATOR_KEY
    if whose == "account":
        key = api.new_key(account=asked_for["GENERATED_ACCOUNT"])
    run(api, key, asked_for, "--phases", EVERY_PHASE, "--max-examples", str(MANY))
