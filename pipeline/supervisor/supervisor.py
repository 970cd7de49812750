"""Everything on one machine: the embedded broker and each stage as a process, kept running until told to stop."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipeline.slots import note_path
from pipeline.supervisor.child import Child, Command

if TYPE_CHECKING:
    from types import FrameType

    from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka

STAGES: Final = ("router", "sender", "scheduler", "recorder")
ROUND_SECONDS: Final = 0.1
STOP_STAGES_SECONDS: Final = 10.0
PROBE_SECONDS: Final = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    data_dir: Path
    environment: Mapping[str, str]
    """Given to every stage, beside this process's own."""
    processes: Mapping[str, int]
    """How many of each stage."""


class Supervisor:
    """Starts and watches; a child that dies, the broker included, is back within a second, without limit."""

    def __init__(self, plan: Plan, broker: EmbeddedKafka | None, *, say: Say) -> None:
        self._plan = plan
        self._broker = broker
        self._say = say
        self._stopping = threading.Event()
        self._ready: frozenset[str] = frozenset()
        logs = plan.data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._children = {
            f"{stage}-{number}": Child(self._command(stage, number, logs))
            for stage, count in plan.processes.items()
            for number in range(count)
        }

    def _command(self, stage: str, number: int, logs: Path) -> Command:
        argv = (sys.executable, "-m", "pipeline", "run", stage, "--slot", str(number), "--follow-parent")
        return Command(f"{stage}-{number}", argv, self._plan.environment, logs / f"{stage}-{number}.log")

    @property
    def is_ready(self) -> bool:
        """Every stage consumes. Safe to ask from any thread."""
        return len(self._ready) == len(self._children)

    def standing(self) -> dict[str, object]:
        """For `/readyz`: who is ready, and how often each was started again."""
        return {
            name: {"ready": name in self._ready, "restarts": child.restarts, "pid": child.pid}
            for name, child in self._children.items()
        }

    def stop_on_signals(self) -> None:
        """SIGTERM and SIGINT end `run`. Main thread only."""

        def stop(_: int, __: FrameType | None) -> None:
            self._stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Keep everything running until `stop`; then end the stages, each within its drain's bound."""
        try:
            while not self._stopping.is_set():
                self._keep_running()
                self._probe()
                self._stopping.wait(ROUND_SECONDS)
        finally:
            self._end()

    def _keep_running(self) -> None:
        if self._broker is not None and (status := self._broker.poll()) is not None:
            self._say(f"the broker ended with {status}; starting it again")
            self._broker.start()
        for name, child in self._children.items():
            status = child.keep_running()
            if status is not None:
                self._ready -= {name}
                self._say(f"{name} ended with {_shown(status)}; starting it again (log: {child.command.log})")

    def _probe(self) -> None:
        for name in self._children.keys() - self._ready:
            if self._answers_ready(name):
                self._ready |= {name}

    def _answers_ready(self, name: str) -> bool:
        stage, _, number = name.rpartition("-")
        try:
            note = json.loads(note_path(self._plan.data_dir / "run", stage, int(number)).read_text())
            if note["pid"] != self._children[name].pid:
                return False
            url = f"http://127.0.0.1:{note['health_port']}/readyz"
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:  # noqa: S310 - our own port
                return bool(answer.status == 200)
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return False

    def _end(self) -> None:
        self._ready = frozenset()
        deadline = time.monotonic() + STOP_STAGES_SECONDS
        for child in self._children.values():
            child.terminate()
        for name, child in self._children.items():
            if not child.wait_ended(deadline):
                self._say(f"{name} did not end in time and was killed; what it had under way is repeated")


def _shown(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    return signal.Signals(-status).name


def stage_environment(bootstrap_servers: str, data_dir: Path) -> dict[str, str]:
    """What tells a stage where it belongs."""
    return {
        "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "PIPELINE_DATA_DIR": os.fspath(data_dir.resolve()),
        "PYTHONUNBUFFERED": "1",
    }
