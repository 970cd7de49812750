"""One child process that is kept running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.supervisor.parent import BEGIN, HELD

SHORT_LIFE_SECONDS: Final = 1.0
RESTART_PAUSE_SECONDS: Final = 0.5
"""Before a child that died right after its start: back within a second, without spinning."""
NOT_STARTED: Final = 127
"""The status of a child for which there was no process, no descriptor or no room for its log."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    """Beside this process's own."""
    log: Path
    """Its output goes here."""
    folder: Path | None = None
    """Where it runs; None: where this process does."""
    inherited: Sequence[int] = ()
    """Descriptors of this process's that it has too, under the same numbers."""


class Child:
    """Starts a command, and again whenever it ends.

    Its standard input is a pipe that ends when this process does; see `parent.py` for its side.
    One thread alone may use it; `pid` and `restarts` may be read by any.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self._is_held = False
        self.restarts = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_not_before = 0.0

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        process = self._process
        return None if process is None else process.pid

    def start_held(self) -> None:
        """Start it, and let it wait for `let_go` before it begins with its work.

        Raises:
            OSError: it cannot be started.
        """
        self._is_held = True
        self._start()

    def let_go(self) -> None:
        """Let it begin, now and whenever it is started again."""
        self._is_held = False
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):  # it has ended already
                self._process.stdin.write(BEGIN)
                self._process.stdin.flush()

    def keep_running(self) -> int | None:
        """Start it if it is not running; answers its exit status if it has just ended."""
        ended = self._process.poll() if self._process is not None else None
        now = time.monotonic()
        if ended is not None:
            self._release()
            is_short = now - self._started < SHORT_LIFE_SECONDS
            self._start_not_before = now + (RESTART_PAUSE_SECONDS if is_short else 0.0)
        if self._process is None and now >= self._start_not_before:
            try:
                self._start()
            except OSError:
                self._start_not_before = now + RESTART_PAUSE_SECONDS
                return NOT_STARTED
        return ended

    def _start(self) -> None:
        environment = {**os.environ, **self.command.environment}
        if self._is_held:
            environment[HELD] = "1"
        with self.command.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command.argv,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self.command.folder,
                pass_fds=self.command.inherited,
                start_new_session=True,  # Ctrl-C is for the owner, which ends things in order
            )
        self._started = time.monotonic()
        self.restarts += 1

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once; `keep_running` starts it again."""
        if self._process is not None:
            self._process.kill()

    def has_ended(self) -> bool:
        """Whether there is no process any more."""
        if self._process is not None and self._process.poll() is not None:
            self._release()
        return self._process is None

    def wait_ended(self, deadline: float) -> bool:
        """Wait until `time.monotonic()` is `deadline`, then kill it; False if that was needed."""
        process = self._process
        if process is None:
            return True
        try:
            process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        finally:
            self._release()
        return True

    def _release(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process = None


def status_text(status: int) -> str:
    """An exit status as `subprocess` gives it, in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
