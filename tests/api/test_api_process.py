"""The API's process: its start without a store, its end, several of it at one port."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.api.running_api import OPERATOR_KEY, RunningApi, problem_of, running_api, started_api
from tests.console.browsing import ConsoleUnderTest
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import eventually
from tests.storage.postgres_server import NoPostgres, running_postgres

ACCOUNTS = "/v1/accounts"
HEAD = f"Host: localhost\r\nAuthorization: Bearer {OPERATOR_KEY}\r\n"


def event(account: str) -> dict[str, object]:
    return {"account": account, "type": "person.created", "data": {"id": 1}}


def test_it_starts_without_its_store_and_goes_on_once_that_is_there(
    broker: SessionBroker, tmp_path: Path
):
    (tmp_path / "store").write_text("a file stands where a folder is wanted")
    url = f"sqlite:///{tmp_path}/store/store.sqlite"
    with running_api(broker.bootstrap_servers, tmp_path / "data", PIPELINE_STORE__URL=url) as api:
        assert api.client(None).get("/readyz").status_code == 200
        refused = api.operator.get(ACCOUNTS)
        assert "store" in problem_of(refused, 503)["detail"]
        assert refused.headers["retry-after"] == "1"
        (tmp_path / "store").unlink()
        eventually(lambda: api.operator.get(ACCOUNTS).status_code == 200)
        assert api.operator.post(ACCOUNTS, json={"id": "acme"}).status_code == 201


def test_events_are_accepted_from_known_keys_while_the_store_is_away(
    broker: SessionBroker, tmp_path: Path
):
    with ExitStack() as closing:
        database = ExitStack()
        closing.callback(database.close)
        try:
            server = database.enter_context(running_postgres())
        except NoPostgres as exc:
            pytest.skip(f"no PostgreSQL: {exc}")
        url = server.url("postgres")
        api = closing.enter_context(
            running_api(broker.bootstrap_servers, tmp_path / "data", PIPELINE_STORE__URL=url)
        )
        account, known, unknown = api.new_account(), api.client(api.new_key()), api.new_key()
        assert known.post("/v1/events", json=event(account)).status_code == 202
        database.close()
        eventually(lambda: known.get(ACCOUNTS).status_code == 503)
        for _ in range(30):
            accepted = known.post("/v1/events", json=event(account))
            assert accepted.status_code == 202, accepted.text
        problem_of(api.client(unknown).post("/v1/events", json=event(account)), 503)
        problem_of(api.client("nonsense").post("/v1/events", json=event(account)), 401)


def test_at_its_end_it_finishes_what_is_under_way_and_ends_streams(
    broker: SessionBroker, tmp_path: Path
):
    settings = {"PIPELINE_STAGE__DRAIN_SECONDS": "60"}
    with running_api(broker.bootstrap_servers, tmp_path / "data", **settings) as api:
        body = b'{"id": "acme"}'
        with (
            api.raw() as connection,
            ConsoleUnderTest(api, tmp_path / "data").operator() as operator,
            operator.http.stream("GET", "/live/system") as stream,
        ):
            lines = stream.iter_lines()
            assert next(lines).startswith(":")
            connection.sendall(
                f"POST {ACCOUNTS} HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
            )
            connection.sendall(body[:5])
            # Answered, so the request before it has been taken too.
            assert api.client(None).get("/healthz").status_code == 200
            api.pipeline.signal("api", signal.SIGTERM)
            eventually(lambda: is_refused(api))
            connection.sendall(body[5:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
            assert list(lines)[-1] == "", "the stream was not cut off"
        assert api.pipeline.processes[("api", 0)].wait(10) == 0
        assert "Traceback" not in api.log()


def is_refused(api: RunningApi) -> bool:
    try:
        api.raw().close()
    except OSError:
        return True
    return False


def test_a_request_that_does_not_end_does_not_keep_it(broker: SessionBroker, tmp_path: Path):
    settings = {"PIPELINE_STAGE__DRAIN_SECONDS": "2"}
    with (
        running_api(broker.bootstrap_servers, tmp_path / "data", **settings) as api,
        api.raw() as connection,
    ):
        connection.sendall(
            f"POST {ACCOUNTS} HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )
        assert api.client(None).get("/healthz").status_code == 200
        api.pipeline.signal("api", signal.SIGTERM)
        assert api.pipeline.processes[("api", 0)].wait(15) == 0


def test_a_port_that_is_taken_is_named(broker: SessionBroker, tmp_path: Path):
    with running_api(broker.bootstrap_servers, tmp_path / "one") as api:
        settings = {"PIPELINE_API__PORT": str(api.port)}
        with started_api(broker.bootstrap_servers, tmp_path / "two", **settings) as second:
            assert second.pipeline.processes[("api", 0)].wait(60) == 1
            assert f"port {api.port} on 127.0.0.1" in second.log()
            assert "PIPELINE_API__PORT" in second.log()
            assert "Traceback" not in second.log()


@contextmanager
def several(api: RunningApi, count: int) -> Generator[psutil.Process]:
    """`pipeline run api --processes`, at the port that `api` has just given up."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "api", "--processes", str(count)],
        env=api.pipeline.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path.cwd(),
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def test_several_share_one_port_and_one_that_dies_is_not_missed(
    broker: SessionBroker, tmp_path: Path
):
    with running_api(broker.bootstrap_servers, tmp_path / "data") as api:
        api.pipeline.stop("api")
        with several(api, 2) as parent:

            def ready() -> list[psutil.Process]:
                return [child for child in parent.children() if is_ready(api, child.pid)]

            eventually(lambda: len(ready()) == 2, seconds=60)
            ready()[0].kill()
            for number in range(50):
                made = httpx.post(
                    f"{api.url}{ACCOUNTS}",
                    json={"id": f"a-{number}"},
                    headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
                    timeout=30,
                )
                assert made.status_code == 201, made.text
            eventually(lambda: len(ready()) == 2, seconds=60)


def is_ready(api: RunningApi, pid: int) -> bool:
    """By the note that it leaves, and what it answers at its own port."""
    for slot in range(4):
        found = note(api.pipeline.data_dir / "run" / f"api-{slot}.json")
        if found.get("pid") == pid:
            with suppress(httpx.HTTPError):
                url = f"http://127.0.0.1:{found['health_port']}/readyz"
                return httpx.get(url, timeout=5).status_code == 200
    return False


def note(path: Path) -> dict[str, int]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
