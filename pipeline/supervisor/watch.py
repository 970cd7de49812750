"""Asks the stages how they are, in a thread of its own: a silent one keeps nobody waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import msgspec

from pipeline.slots import note_path
from pipeline.supervisor.child import Child
from pipeline.supervisor.log_file import bound_log

_ROUND_SECONDS: Final = 0.1
"""Between two questions to a stage that is not ready."""
_CALM_SECONDS: Final = 1.0
"""Between two to one that is."""
_ANSWER_SECONDS: Final = 1.0
_LONGEST_ANSWER_BYTES: Final = 64 * 1024
SILENT_SECONDS: Final = 60.0
"""A stage that has not answered for so long is stuck: answering takes it no work, only a thread."""


class _Note(msgspec.Struct, frozen=True):
    """What a stage leaves in the data folder."""

    pid: int
    health_port: int


@dataclass(slots=True)
class _Standing:
    """What is known of one process of a child."""

    pid: int
    last_answer: float
    next_question: float = 0.0
    is_ready: bool = False
    was_ready: bool = False
    is_stuck: bool = False


class StageWatch:
    """Who is ready and who is stuck; the answers may be asked for by any thread."""

    def __init__(self, children: Mapping[str, Child], notes: Path) -> None:
        self._children = children
        self._notes = notes
        self._standings: dict[str, _Standing] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def close(self) -> None:
        """Ask no more; what it answers stays as it is."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def has_failed(self) -> bool:
        """Whether nobody asks any more, although nobody said so."""
        return not self._thread.is_alive() and not self._closing.is_set()

    def is_ready(self, name: str) -> bool:
        """Whether the process that runs now consumes."""
        standing = self._standings.get(name)
        return standing is not None and standing.is_ready and self._runs(name, standing)

    def was_ready(self, name: str) -> bool:
        """Whether the process that runs now has ever been ready."""
        standing = self._standings.get(name)
        return standing is not None and standing.was_ready and self._runs(name, standing)

    def is_stuck(self, name: str) -> bool:
        """Whether the process that runs now has to be started anew."""
        standing = self._standings.get(name)
        return standing is not None and standing.is_stuck and self._runs(name, standing)

    def _runs(self, name: str, standing: _Standing) -> bool:
        return self._children[name].pid == standing.pid

    def _run(self) -> None:
        while not self._closing.wait(_ROUND_SECONDS):
            for name, child in self._children.items():
                if (pid := child.pid) is not None:
                    self._look(name, pid)

    def _look(self, name: str, pid: int) -> None:
        now = time.monotonic()
        standing = self._standings.get(name)
        if standing is None or standing.pid != pid:
            standing = self._standings[name] = _Standing(pid, last_answer=now)
        if now < standing.next_question:
            return
        port = self._port(name, pid)
        status = None if port is None else _status(port, "/readyz")
        standing.is_ready = status == HTTPStatus.OK
        standing.was_ready |= standing.is_ready
        standing.next_question = now + (_CALM_SECONDS if standing.is_ready else _ROUND_SECONDS)
        if standing.is_ready:
            bound_log(self._children[name].command.log)
        if status is not None:
            standing.last_answer = now
        is_silent = now - standing.last_answer > SILENT_SECONDS
        standing.is_stuck = is_silent or (
            port is not None
            and status == HTTPStatus.SERVICE_UNAVAILABLE
            and _status(port, "/healthz") == HTTPStatus.SERVICE_UNAVAILABLE
        )

    def _port(self, name: str, pid: int) -> int | None:
        stage, _, number = name.rpartition("-")
        try:
            text = note_path(self._notes, stage, int(number)).read_bytes()
            note = msgspec.json.decode(text, type=_Note)
        except (OSError, msgspec.MsgspecError):
            return None
        return note.health_port if note.pid == pid else None


def _status(port: int, path: str) -> int | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read(_LONGEST_ANSWER_BYTES)
        return answer.status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
