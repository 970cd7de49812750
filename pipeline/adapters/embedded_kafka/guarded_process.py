"""The owner's side of the guard: starts it, learns the Java machine's process id, ends both."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.adapters.embedded_kafka.errors import BrokerDied

_GUARD: Final = Path(__file__).with_name("guard.py")
_REPORT_TIMEOUT_SECONDS: Final = 20.0
_GUARD_OWN_SECONDS: Final = 3.0
"""What the guard may take beyond the time that it gives the Java machine."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command and where it runs."""

    command: Sequence[str]
    folder: Path
    output: Path
    stop_seconds: float
    """How long it may take to end after SIGTERM; then it is killed."""


class GuardedProcess:
    """A process that does not outlive this one. Use `spawn`."""

    def __init__(self, guard: subprocess.Popen[bytes], pid: int, *, stop_seconds: float) -> None:
        self.pid = pid
        self._guard = guard
        self._stop_seconds = stop_seconds

    @property
    def guard_pid(self) -> int:
        return self._guard.pid

    def poll(self) -> int | None:
        """The exit status: 128 + signal if a signal ended it, negative if one ended the guard."""
        return self._guard.poll()

    def has_ended_within(self, seconds: float) -> bool:
        """Wait for the end, at most so long."""
        try:
            self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it at once. Returns when it has ended."""
        if self.poll() is None:  # then its id is its own: the guard has not taken leave of it yet
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it, at first politely. Returns when it has ended."""
        self._guard.terminate()
        if not self.has_ended_within(self._stop_seconds + _GUARD_OWN_SECONDS):
            self._guard.kill()  # the kernel then kills the Java machine
            self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()


def spawn(launch: Launch, *, hand_on_fd: int) -> GuardedProcess:
    """Start the command under a guard. It holds `hand_on_fd` open for as long as it lives.

    Raises:
        BrokerDied: it could not be started; `launch.output` says why.
    """
    with launch.output.open("wb") as output:
        guard = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(_GUARD)),
                *(str(os.getpid()), str(launch.stop_seconds), str(hand_on_fd)),
                *launch.command,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=launch.folder,
            env=environment(),
            pass_fds=(hand_on_fd,),
            start_new_session=True,
            bufsize=0,
        )
    pid = _reported_pid(guard)
    if pid is None:
        guard.kill()
        guard.communicate()
        said = launch.output.read_text("utf-8", "replace").strip()
        raise BrokerDied(f"{launch.command[0]} could not be started: {said[-2000:]}")
    return GuardedProcess(guard, pid, stop_seconds=launch.stop_seconds)


def environment() -> dict[str, str]:
    """This process's environment, without our settings and in a locale that can name all paths."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")
    }
    # Two memory arenas rather than eight a core: the broker's hundred threads need few.
    return inherited | {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}


def _reported_pid(guard: subprocess.Popen[bytes]) -> int | None:
    assert guard.stdout is not None  # noqa: S101 - it was asked for
    with guard.stdout as report:
        readable, _, _ = select.select([report], [], [], _REPORT_TIMEOUT_SECONDS)
        line = report.read(32) if readable else b""
    return int(line) if line else None
