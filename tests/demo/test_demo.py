"""`pipeline demo` as people run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.supervisor.running_up import (
    environment,
    free_port,
    kill,
    run_pipeline,
    wait_gone,
    wait_until,
)

pytestmark = pytest.mark.timeout(240)

DELIVERIES = 20
DEAD_LETTERS = (
    "dead letter: exhausted, demo-always-fails, order.paid, 3 attempts, refused (500)",
    "dead letter: gone, demo-gone, order.paid, 1 attempts, refused (410)",
    "dead letter: exhausted, demo-refuses, order.paid, 3 attempts, unreachable",
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


def lines_of(output: str, *, state: str = "") -> list[str]:
    return [line for line in output.splitlines() if " demo-" in line and line.startswith(state)]


def test_once_everything_arrives_and_is_verified(data_dir: Path):
    done = run_pipeline("demo", "--once", data_dir=data_dir, seconds=200, PIPELINE_API__PORT="0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines_of(done.stdout, state="delivered")) == DELIVERIES - len(DEAD_LETTERS)
    for letter in DEAD_LETTERS:
        assert letter in done.stdout
    assert "everything arrived as it should" in done.stdout
    assert "WRONG" not in done.stdout
    assert (data_dir / "demo" / "kafka").is_dir()
    assert not (data_dir / "kafka").exists(), "it has a folder of its own"


@pytest.mark.soak
def test_a_second_time_it_goes_on_until_ctrl_c_whatever_is_set_for_the_real_one(data_dir: Path):
    (data_dir.parent / ".env").write_text("PIPELINE_KAFKA__TOPIC_PREFIX=real.\n")
    settings = {
        "PIPELINE_API__PORT": str(free_port()),
        "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "PIPELINE_STORE__URL": "sqlite:////nowhere/at/all.sqlite",
        "PIPELINE_SENDING__ALLOWED_NETWORKS": "[]",
    }
    output = data_dir.parent / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "demo"],
            env=environment(data_dir, **settings),
            cwd=data_dir.parent,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    left: list[psutil.Process] = []
    try:
        wait_until(lambda: len(lines_of(output.read_text())) >= DELIVERIES, "a round", seconds=120)
        left = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0, output.read_text()
        wait_gone(left, seconds=0.5)
        assert "16 made" not in output.read_text(), "the topics of the first time are used"
    finally:
        process.kill()
        process.wait()
        for each in left:
            kill(each)
