"""`pipeline up` and `pipeline demo` as real processes, and all that they have started."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120.0
"""On a machine that runs other tests beside it."""
STAGES = ("router-0", "sender-0", "scheduler-0", "recorder-0", "api-0")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """None of this machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PIPELINE_DATA_DIR": str(data_dir), **settings}


def run_pipeline(
    *arguments: str, data_dir: Path, seconds: float = 60.0, **settings: str
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        env=environment(data_dir, **settings),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float) -> float:
    """How long it took. Fails after `seconds`."""
    begun = time.monotonic()
    pause = threading.Event()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        pause.wait(0.01)
    return time.monotonic() - begun


@dataclass
class RunningUp:
    """One `pipeline up`."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    port: int
    output: Path

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a GET; status 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except OSError:
            return 0, {}
        finally:
            connection.close()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"it ended: {self.said()}"
        return self.answer("/readyz")[0] == 200

    def wait_ready(self) -> float:
        return wait_until(self.is_ready, f"ready\n{self.said()}", seconds=READY_SECONDS)

    def pid_of(self, name: str) -> int | None:
        """Of a stage or of `broker`."""
        detail = self.answer("/readyz")[1]
        known = detail.get("broker") if name == "broker" else detail.get("stages", {}).get(name)
        return None if known is None else known["pid"]

    def said(self) -> str:
        return self.output.read_text()

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> int:
        """SIGTERM; its status. Fails if it takes longer than is promised."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


@contextmanager
def running_up(data_dir: Path, **settings: str) -> Generator[RunningUp]:
    """Started, not yet ready; whatever is left of it at the end is killed."""
    port = free_port()
    output = data_dir.parent / f"{data_dir.name}-{port}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "up"],
            env=environment(data_dir, PIPELINE_API__PORT=str(port), **settings),
            cwd=data_dir.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    up = RunningUp(process, data_dir, port, output)
    try:
        yield up
    finally:
        left = up.descendants() if process.poll() is None else []
        process.kill()
        process.wait()
        for each in left:
            kill(each)


def kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


def wait_gone(processes: list[psutil.Process], *, seconds: float) -> None:
    """Fails if one is still there after `seconds`."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert not alive, f"left running: {[process.cmdline()[:6] for process in alive]}"
