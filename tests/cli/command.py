"""Runs the command line as a process of its own, as a shell would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.architecture.checkout import ROOT

UNREACHABLE = "127.0.0.1:9"
"""The discard port: nobody listens there."""
_SECONDS = 60.0


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def error_lines(self) -> list[str]:
        return self.err.splitlines()


def drained(stream: IO[str] | None) -> list[str]:
    """Its lines as they come, read by a thread, so that the process never waits for a reader."""
    lines: list[str] = []

    def read() -> None:
        if stream is not None:
            lines.extend(stream)

    threading.Thread(target=read, daemon=True).start()
    return lines


@dataclass(frozen=True)
class Shell:
    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, stdin: str | bytes = b"", **settings: str) -> Ended:
        """Run `pipeline <arguments>` to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=self.folder,
            env=self._environment(settings),
            timeout=_SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run_together(self, commands: Sequence[Sequence[str]], **settings: str) -> list[Ended]:
        """Run commands that do not touch each other, all at the same time."""

        def run(command: Sequence[str]) -> Ended:
            return self.run(*command, **settings)

        with ThreadPoolExecutor(len(commands)) as pool:
            return list(pool.map(run, commands))

    @contextmanager
    def running(self, *arguments: str, **settings: str) -> Generator[subprocess.Popen[str]]:
        """Start it; what is still there in the end is killed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._environment(settings),
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def write(self, name: str, content: str) -> str:
        """Make a file in the folder; answers its name."""
        (self.folder / name).write_text(content)
        return name

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if "PIPELINE_" not in name}
        ours = {
            name: value for name, value in self.environment.items() if name.startswith("PIPELINE_")
        }
        return {**outer, "PYTHONPATH": str(ROOT), **ours, **settings}
