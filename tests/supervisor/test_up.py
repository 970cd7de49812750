"""`pipeline up` as a process: what it starts, keeps running, and leaves behind."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.running_up import (
    STAGES,
    RunningUp,
    run_pipeline,
    running_up,
    wait_gone,
    wait_until,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

BACK_SECONDS = 1.0
BROKER_BACK_SECONDS = 30.0
MACHINE_SLACK = 2.0
"""Other work on the machine must not fail a test; the promise is about an idle one."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUp]:
    with running_up(tmp_path_factory.mktemp("up") / "data") as started:
        started.wait_ready()
        yield started


def test_it_is_ready_once_every_stage_consumes_and_says_where_things_are(up: RunningUp):
    status, detail = up.answer("/readyz")
    assert status == 200
    assert {name for name, stage in detail["stages"].items() if stage["ready"]} == set(STAGES)
    assert detail["broker"]["ready"]
    assert up.answer("/healthz")[0] == 200
    wait_until(lambda: "ready in" in up.said(), "it says so", seconds=5)
    assert str(up.data_dir) in up.said()
    assert f"http://127.0.0.1:{up.port}" in up.said()


def test_the_operators_key_is_shown_once_and_kept_for_its_owner_alone(up: RunningUp):
    key = (up.data_dir / "operator.key").read_text().strip()
    assert len(key) > 40
    assert key in up.said()
    for name in ("operator.key", "secrets.key"):
        assert stat.S_IMODE((up.data_dir / name).stat().st_mode) == 0o600


def test_a_second_one_on_the_same_folder_is_refused(up: RunningUp):
    refused = run_pipeline("up", data_dir=up.data_dir, PIPELINE_API__PORT="0")
    assert refused.returncode == 1
    assert f"process {up.process.pid} runs with the data folder {up.data_dir}" in refused.stderr
    assert "PIPELINE_DATA_DIR" in refused.stderr
    assert up.is_ready()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_killed_is_back_within_a_second(up: RunningUp, stage: str):
    up.wait_ready()
    before = up.pid_of(stage)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(
        lambda: up.pid_of(stage) not in {None, before},
        f"{stage} is back",
        seconds=BACK_SECONDS * MACHINE_SLACK,
    )
    up.wait_ready()
    assert f"{stage} ended with SIGKILL" in up.said()


def test_the_port_is_answered_while_the_api_is_not_there(up: RunningUp):
    up.wait_ready()
    before = up.pid_of("api-0")
    assert before is not None
    key = (up.data_dir / "operator.key").read_text().strip()
    assert ask(up, "/v1/accounts", key)[0] == 200
    os.kill(before, signal.SIGKILL)
    seen: list[tuple[int, str | None]] = []

    def is_back() -> bool:
        seen.append(ask(up, "/v1/accounts", key))
        return up.pid_of("api-0") not in {None, before} and seen[-1][0] == 200

    wait_until(is_back, "the API answers again", seconds=60)
    # Nobody is refused, and nobody waits for the process to load; one may lose its connection.
    away = [answer for answer in seen if answer[0] != 200]
    assert away[1:], "it was never away"
    assert all(answer in {(503, "1"), (0, None)} for answer in away)
    assert sum(answer[0] == 0 for answer in away) <= 1
    assert up.answer("/healthz")[0] == 200
    up.wait_ready()


def ask(up: RunningUp, path: str, key: str) -> tuple[int, str | None]:
    """Status and `Retry-After`; status 0 where the connection was lost."""
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Retry-After")
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


def test_a_broker_that_is_killed_is_back_and_keeps_no_stage_waiting(up: RunningUp):
    up.wait_ready()
    broker, router = up.pid_of("broker"), up.pid_of("router-0")
    assert broker is not None
    assert router is not None
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: not up.is_ready(), "not ready without a broker", seconds=5)
    os.kill(router, signal.SIGKILL)
    wait_until(
        lambda: up.pid_of("router-0") not in {None, router},
        "the router is back while the broker is not",
        seconds=BACK_SECONDS * MACHINE_SLACK,
    )
    wait_until(
        lambda: up.pid_of("broker") not in {None, broker},
        "the broker is back",
        seconds=BROKER_BACK_SECONDS,
    )
    up.wait_ready()
    assert "the broker ended with SIGKILL" in up.said()


def test_a_stage_that_hangs_is_not_ready_and_others_are_still_looked_after(up: RunningUp):
    up.wait_ready()
    sender, recorder = up.pid_of("sender-0"), up.pid_of("recorder-0")
    assert sender is not None
    assert recorder is not None
    os.kill(sender, signal.SIGSTOP)
    try:
        wait_until(lambda: not up.is_ready(), "a stopped stage is not ready", seconds=10)
        os.kill(recorder, signal.SIGKILL)
        wait_until(
            lambda: up.pid_of("recorder-0") not in {None, recorder},
            "the recorder is back",
            seconds=BACK_SECONDS * MACHINE_SLACK,
        )
    finally:
        os.kill(sender, signal.SIGCONT)
    up.wait_ready()


def test_sigterm_ends_it_in_time_and_nothing_is_left(up: RunningUp):
    # The last with this one: it ends it.
    up.wait_ready()
    left = up.descendants()
    assert len(left) >= len(STAGES) + 1
    assert up.stop() == 0
    wait_gone(left, seconds=0.5)


def test_killed_at_once_it_leaves_nothing_running_and_the_next_one_goes_on(up: RunningUp):
    # In the folder of the one that was just ended.
    if up.process.poll() is None:
        up.stop()
    key = (up.data_dir / "operator.key").read_text().strip()
    with running_up(up.data_dir) as again:
        again.wait_ready()
        assert key not in again.said()
        assert str(up.data_dir / "operator.key") in again.said()
        left = again.descendants()
        again.process.kill()
        wait_gone(left, seconds=15)


def test_ending_while_it_starts_leaves_nothing_running(tmp_path: Path):
    with running_up(tmp_path / "data") as up:
        wait_until(lambda: len(up.descendants()) >= len(STAGES), "it has begun", seconds=30)
        left = up.descendants()
        assert up.stop() == 0
        wait_gone(left, seconds=0.5)


def test_a_port_in_use_is_named_before_anything_is_started(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run_pipeline("up", data_dir=tmp_path / "data", PIPELINE_API__PORT=str(port))
    assert refused.returncode == 1
    assert f"port {port} " in refused.stderr
    assert "PIPELINE_API__PORT" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "data" / "kafka").exists()
    assert not (tmp_path / "data" / "logs").exists()


def test_a_folder_of_another_version_is_refused_by_name(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "format.json").write_text('{"format": 99, "version": "9.0"}')
    refused = run_pipeline("up", data_dir=tmp_path / "data", PIPELINE_API__PORT="0")
    assert refused.returncode == 1
    assert re.search(r"made by version 9\.0 \(format 99\)", refused.stderr)
    assert not (tmp_path / "data" / "kafka").exists()


def test_a_broker_that_cannot_start_at_all_is_an_error(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "kafka").write_text("no folder")
    refused = run_pipeline("up", data_dir=tmp_path / "data", PIPELINE_API__PORT="0")
    assert refused.returncode == 1
    assert "kafka" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_cluster_that_does_not_answer_is_an_error_that_names_it(tmp_path: Path):
    refused = run_pipeline(
        "up",
        data_dir=tmp_path / "data",
        PIPELINE_API__PORT="0",
        PIPELINE_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1",
    )
    assert refused.returncode == 1
    assert "127.0.0.1:1" in refused.stderr
    assert "Traceback" not in refused.stderr
