"""One child process that is kept running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SHORT_LIFE_SECONDS = 1.0
RESTART_PAUSE_SECONDS = 0.5
"""Before a child that died right after its start is started again: back within a second, without spinning."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    """Its output goes here."""


class Child:
    """Starts a command, and again whenever it ends. Its standard input is a pipe that ends when this process does."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.restarts = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_not_before = 0.0

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        return self._process.pid if self._process is not None else None

    def keep_running(self) -> int | None:
        """Start it if it is not running; answers its exit status if it has just ended."""
        ended = self._process.poll() if self._process is not None else None
        now = time.monotonic()
        if ended is not None:
            self._release()
            is_short = now - self._started < SHORT_LIFE_SECONDS
            self._start_not_before = now + (RESTART_PAUSE_SECONDS if is_short else 0.0)
        if self._process is None and now >= self._start_not_before:
            self._start()
        return ended

    def _start(self) -> None:
        with self.command.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command.argv,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.command.environment},
                start_new_session=True,
            )
        self._started = time.monotonic()
        self.restarts += 1

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait_ended(self, deadline: float) -> bool:
        """Wait until `time.monotonic()` is `deadline`, then kill it; False if it had to be killed."""
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
            self._process.stdin.close()
        self._process = None
