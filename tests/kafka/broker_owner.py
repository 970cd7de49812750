"""An embedded broker that another process owns, so that its owner can be killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from pipeline.adapters.embedded_kafka.data_folder import Running, running_broker
from tests.kafka.broker_clients import DEADLINE_SECONDS

ROOT: Final = Path(__file__).parents[2]
OWNER: Final = """
import sys
from pathlib import Path
from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka

with EmbeddedKafka(Path(sys.argv[1])) as bootstrap_servers:
    print(bootstrap_servers, flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Owned:
    owner: subprocess.Popen[bytes]
    running: Running

    def end_owner(self) -> tuple[bytes, bytes]:
        """Let the owner stop its broker and end; answers what it wrote to the terminal."""
        return self.owner.communicate(timeout=DEADLINE_SECONDS)

    def kill_owner(self) -> None:
        self.owner.kill()
        self.owner.communicate()


@contextmanager
def owned_by_another_process(data_dir: Path) -> Generator[Owned]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert owner.stdout is not None
        bootstrap_servers = owner.stdout.readline().decode().strip()
        running = running_broker(data_dir)
        assert running is not None
        assert running.bootstrap_servers == bootstrap_servers
        yield Owned(owner, running)
    finally:
        if owner.poll() is None:
            owner.kill()
            owner.communicate()
        wait_until(lambda: running_broker(data_dir) is None, "the broker is gone")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    pause = threading.Event()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not yet: {what}"
        pause.wait(0.02)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
