"""Who is ready and who is stuck, asked of processes that answer as stages do."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pipeline.supervisor.child import Child, Command
from pipeline.supervisor.watch import StageWatch
from tests.supervisor.running_up import ROOT, wait_until

NAME = "router-0"
DEADLINE_SECONDS = 20.0


@contextmanager
def watched(folder: Path, health: str, ready: str) -> Generator[tuple[Child, StageWatch]]:
    script = "tests.supervisor.answering_stage"
    argv = (sys.executable, "-m", script, str(folder / "run"), health, ready)
    child = Child(Command(NAME, argv, {"PYTHONPATH": str(ROOT)}, folder / "log"))
    watch = StageWatch({NAME: child}, folder / "run")
    child.keep_running()
    watch.start()
    try:
        yield child, watch
    finally:
        watch.close()
        child.kill()
        child.wait_ended(time.monotonic() + DEADLINE_SECONDS)


def test_a_stage_that_says_so_is_ready_until_its_process_ends(tmp_path: Path):
    with watched(tmp_path, "yes", "yes") as (child, watch):
        wait_until(lambda: watch.is_ready(NAME), "ready", seconds=DEADLINE_SECONDS)
        assert not watch.is_stuck(NAME)
        child.kill()
        wait_until(child.has_ended, "ended", seconds=DEADLINE_SECONDS)
        assert not watch.is_ready(NAME), "what an ended process said counts no more"


def test_a_note_that_another_process_left_is_not_believed(tmp_path: Path):
    with watched(tmp_path, "yes", "yes") as (child, watch):
        wait_until(lambda: watch.is_ready(NAME), "ready", seconds=DEADLINE_SECONDS)
        note = (tmp_path / "run" / f"{NAME}.json").read_text()
        (tmp_path / "run" / f"{NAME}.json").write_text(note.replace(str(child.pid), "1"))
        wait_until(lambda: not watch.is_ready(NAME), "not ready", seconds=DEADLINE_SECONDS)
        assert not watch.is_stuck(NAME)


def test_a_stage_that_calls_itself_dead_is_stuck(tmp_path: Path):
    with watched(tmp_path, "no", "no") as (_, watch):
        wait_until(lambda: watch.is_stuck(NAME), "stuck", seconds=DEADLINE_SECONDS)
        assert not watch.is_ready(NAME)


def test_a_stage_that_is_not_ready_yet_is_not_stuck(tmp_path: Path):
    with watched(tmp_path, "yes", "no") as (child, watch):
        note = tmp_path / "run" / f"{NAME}.json"
        wait_until(note.exists, "it answers", seconds=DEADLINE_SECONDS)
        looks = time.monotonic() + 0.5
        wait_until(lambda: time.monotonic() > looks, "a few questions", seconds=5)
        assert child.pid is not None
        assert not watch.is_stuck(NAME)
        assert not watch.is_ready(NAME)
