"""One child process, its log and what is said of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.supervisor.child import NOT_STARTED, Child, Command, status_text
from pipeline.supervisor.log_file import LARGEST_LOG_BYTES, bound_log, last_line
from pipeline.supervisor.notices import Notices
from pipeline.supervisor.parent import HELD
from tests.supervisor.running_up import ROOT, wait_until

DEADLINE_SECONDS = 20.0
FOLLOWING = """
import sys
sys.path.insert(0, sys.argv[1])
from pipeline.supervisor.parent import follow_parent
print("loaded", flush=True)
follow_parent()
print("begun", flush=True)
import signal
if sys.argv[2:] == ["stubborn"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    signal.pause()
"""


def a_command(log: Path, *arguments: str) -> Command:
    return Command("one-0", (sys.executable, *arguments), {}, log)


def following(log: Path, *arguments: str) -> Command:
    return a_command(log, "-c", FOLLOWING, str(ROOT), *arguments)


def wait_for_text(log: Path, text: str) -> None:
    wait_until(lambda: log.exists() and text in log.read_text(), text, seconds=DEADLINE_SECONDS)


def test_a_child_that_ends_is_started_again_with_its_status_told(tmp_path: Path):
    child = Child(a_command(tmp_path / "log", "-c", "import sys; sys.exit(3)"))
    assert child.keep_running() is None
    first, statuses = child.pid, list[int]()

    def is_back() -> bool:
        if (status := child.keep_running()) is not None:
            statuses.append(status)
        return child.pid not in {None, first}

    wait_until(is_back, "started again", seconds=DEADLINE_SECONDS)
    child.wait_ended(time.monotonic() + DEADLINE_SECONDS)
    assert statuses == [3]
    assert child.restarts == 1


def test_a_child_that_cannot_be_started_is_tried_again(tmp_path: Path):
    script = tmp_path / "later"
    child = Child(Command("one-0", (str(script),), {}, tmp_path / "log"))
    assert child.keep_running() == NOT_STARTED
    assert child.pid is None
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o700)

    def is_running() -> bool:
        child.keep_running()
        return child.pid is not None

    wait_until(is_running, "started", seconds=DEADLINE_SECONDS)
    child.kill()
    assert child.wait_ended(time.monotonic() + DEADLINE_SECONDS)


def test_a_held_child_begins_only_when_it_is_let_go(tmp_path: Path):
    log = tmp_path / "log"
    child = Child(following(log))
    child.start_held()
    wait_for_text(log, "loaded")
    assert "begun" not in log.read_text()
    child.let_go()
    wait_for_text(log, "begun")
    child.terminate()
    assert child.wait_ended(time.monotonic() + DEADLINE_SECONDS)


def test_a_child_that_is_started_again_need_not_be_let_go(tmp_path: Path):
    log = tmp_path / "log"
    child = Child(following(log))
    child.keep_running()
    wait_for_text(log, "begun")
    child.kill()
    child.wait_ended(time.monotonic() + DEADLINE_SECONDS)
    log.write_text("")
    child.keep_running()
    wait_for_text(log, "begun")
    child.kill()
    child.wait_ended(time.monotonic() + DEADLINE_SECONDS)


@pytest.mark.parametrize(
    ("environment", "text", "status"),
    [({}, "begun", -signal.SIGTERM), ({HELD: "1"}, "loaded", 0)],
    ids=["at work", "held"],
)
def test_a_child_ends_when_its_parent_is_gone(
    tmp_path: Path, environment: dict[str, str], text: str, status: int
):
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            following(log).argv,
            stdin=subprocess.PIPE,
            stdout=output,
            env={**os.environ, **environment},
        )
    assert process.stdin is not None
    wait_for_text(log, text)
    process.stdin.close()  # as the kernel does when the parent ends
    assert process.wait(DEADLINE_SECONDS) == status


def test_a_child_that_will_not_end_is_killed_at_the_deadline(tmp_path: Path):
    log = tmp_path / "log"
    child = Child(following(log, "stubborn"))
    child.keep_running()
    wait_for_text(log, "begun")
    child.terminate()
    assert not child.wait_ended(time.monotonic() + 0.5)
    assert child.has_ended()


def test_a_log_that_has_grown_too_large_is_moved_aside_while_it_is_written(tmp_path: Path):
    log = tmp_path / "log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * LARGEST_LOG_BYTES)
        bound_log(log)
        assert log.stat().st_size == LARGEST_LOG_BYTES, "not yet too large"
        writer.write(b"y")
        bound_log(log)
        writer.write(b"z")
    assert log.read_bytes() == b"z"
    assert (tmp_path / "log.1").stat().st_size == LARGEST_LOG_BYTES + 1


def test_the_last_line_of_a_log_cannot_steer_a_terminal(tmp_path: Path):
    log = tmp_path / "log"
    log.write_bytes(b"first\nsecond \x1b[2Jline\n\n")
    assert last_line(log) == "second \\x1b[2Jline"
    assert last_line(tmp_path / "none") == ""


def test_the_same_is_not_said_over_and_over():
    said: list[str] = []
    notices = Notices(said.append)
    for _ in range(3):
        notices.tell("router-0", "ended")
    notices.tell("sender-0", "ended")
    assert said == ["router-0 ended", "sender-0 ended"]


def test_statuses_are_told_in_words():
    assert status_text(2) == "status 2"
    assert status_text(-signal.SIGKILL) == "SIGKILL"
