"""`pipeline run`: it waits for Kafka, keeps its processes running, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from psutil import NoSuchProcess, Process

from tests.cli.command import UNREACHABLE, Shell, drained
from tests.running_pipeline import RunningPipeline, eventually


def notes(data_dir: Path) -> dict[str, int]:
    """Who works, and as which process."""
    found: dict[str, int] = {}
    for note in (data_dir / "run").glob("*.json"):
        try:
            found[note.stem] = json.loads(note.read_text())["pid"]
        except (OSError, ValueError):
            continue
    return found


def children_of(process: subprocess.Popen[str]) -> set[int]:
    try:
        return {child.pid for child in Process(process.pid).children()}
    except NoSuchProcess:
        return set()


def test_without_kafka_it_says_so_once_and_waits_until_it_is_told_to_end(bare_shell: Shell):
    with bare_shell.running(
        "run", "router", PIPELINE_KAFKA__BOOTSTRAP_SERVERS=UNREACHABLE
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert f"Kafka at {UNREACHABLE} does not answer" in line
        assert "trying again" in line
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("phase", range(5))
def test_one_that_fails_and_starts_anew_ends_whenever_it_is_told_to(
    pipeline: RunningPipeline, shell: Shell, tmp_path: Path, phase: int
):
    settings = {
        "PIPELINE_DATA_DIR": str(tmp_path / "data"),
        "PIPELINE_STORE__URL": f"postgresql://nobody@{UNREACHABLE}/nothing",
    }
    with shell.running("run", "recorder", **settings) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "recorder ends" in line:
                break
        # Somewhere between its failure and the next one: closing, waiting, starting, working.
        threading.Event().wait(0.45 * phase)
        process.terminate()
        assert process.wait(30) == 0


def test_several_processes_are_kept_running_and_end_together(
    pipeline: RunningPipeline, shell: Shell, tmp_path: Path
):
    data_dir = tmp_path / "data"
    settings = {"PIPELINE_DATA_DIR": str(data_dir)}
    with shell.running("run", "scheduler", "--processes", "2", **settings) as process:
        said = drained(process.stderr)
        names = {"scheduler-0", "scheduler-1"}
        eventually(lambda: notes(data_dir).keys() == names, seconds=60, text=lambda: "".join(said))
        before = notes(data_dir)
        assert set(before.values()) == children_of(process)
        os.kill(before["scheduler-1"], signal.SIGKILL)
        eventually(
            lambda: notes(data_dir).get("scheduler-1") not in {None, before["scheduler-1"]},
            seconds=60,
        )
        assert notes(data_dir)["scheduler-0"] == before["scheduler-0"]
        left = children_of(process)
        process.terminate()
        assert process.wait(15) == 0
    assert not any(Process(pid).is_running() for pid in left if exists(pid))
    assert any("scheduler-1 ended with SIGKILL" in line for line in said)


def test_a_process_ends_when_the_one_that_keeps_it_is_gone(
    pipeline: RunningPipeline, shell: Shell, tmp_path: Path
):
    data_dir = tmp_path / "data"
    arguments = ("run", "scheduler", "--follow-parent")
    with shell.running(*arguments, PIPELINE_DATA_DIR=str(data_dir)) as process:
        said = drained(process.stderr)
        eventually(lambda: bool(notes(data_dir)), seconds=60, text=lambda: "".join(said))
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_place_that_is_taken_is_refused_with_one_line(
    pipeline: RunningPipeline, shell: Shell, tmp_path: Path
):
    data_dir = tmp_path / "data"
    settings = {"PIPELINE_DATA_DIR": str(data_dir)}
    with shell.running("run", "scheduler", **settings) as process:
        said = drained(process.stderr)
        eventually(lambda: bool(notes(data_dir)), seconds=60, text=lambda: "".join(said))
        ended = shell.run("run", "scheduler", "--slot", "0", **settings)
        assert ended.status == 1
        assert len(ended.error_lines) == 1
        assert "scheduler 0" in ended.err


def test_topics_that_are_missing_end_it_with_what_to_do(shell: Shell, tmp_path: Path):
    ended = shell.run(
        *("run", "router"),
        PIPELINE_KAFKA__TOPIC_PREFIX="nobody-made-these.",
        PIPELINE_DATA_DIR=str(tmp_path / "data"),
    )
    assert ended.status == 1
    assert "pipeline topics apply" in ended.err
    assert "Traceback" not in ended.err


def test_a_level_of_log_lines_that_there_is_not_is_refused(bare_shell: Shell):
    ended = bare_shell.run("run", "router", PIPELINE_TELEMETRY__LOG_LEVEL="LOUD")
    assert ended.status == 2
    assert "PIPELINE_TELEMETRY__LOG_LEVEL" in ended.err


def exists(pid: int) -> bool:
    try:
        return Process(pid).status() != "zombie"
    except NoSuchProcess:
        return False
