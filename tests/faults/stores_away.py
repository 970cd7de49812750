"""Stores that go away and come back, and events that are published meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Protocol

from tests.storage.postgres_server import StoppablePostgres

_PAUSE_SECONDS = 0.02


class Store(Protocol):
    """What the API and the recorder keep things in."""

    @property
    def url(self) -> str: ...

    @property
    def is_readable_when_away(self) -> bool: ...

    def take_away(self) -> None: ...

    def bring_back(self) -> None: ...


@dataclass
class Postgres:
    """Away: its server is stopped."""

    server: StoppablePostgres
    is_readable_when_away = False

    @property
    def url(self) -> str:
        return self.server.server.url("postgres")

    def take_away(self) -> None:
        self.server.stop()

    def bring_back(self) -> None:
        self.server.start()


@dataclass
class Sqlite:
    """Away: another process has locked it, so that nobody can write."""

    path: Path
    is_readable_when_away = True
    _locker: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def take_away(self) -> None:
        self._locker = subprocess.Popen(
            [sys.executable, "-c", _LOCKER, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._locker.stdout is not None
        assert self._locker.stdout.readline() == "locked\n"

    def bring_back(self) -> None:
        if self._locker is not None:
            with self._locker as locker:
                locker.communicate("done\n", timeout=30)
            self._locker = None


_LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


@dataclass
class Load:
    """Events of one account by the API, one after the other, numbered in `data.n`."""

    port: int
    key: str
    account: str
    accepted: int = 0
    """So many were answered 202: those numbered below."""
    others: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Answers that were another."""
    _ending: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Generator[None]:
        thread = threading.Thread(target=self._publish)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def _publish(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        while not self._ending.wait(_PAUSE_SECONDS) and not self.others:
            event = {"account": self.account, "type": "made", "data": {"n": self.accepted}}
            connection.request("POST", "/v1/events", json.dumps(event), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status == 202:
                self.accepted += 1
            else:
                self.others.append((answer.status, text))
        connection.close()
