"""Which of a stage's processes on this machine this one is.

The number in its name towards Kafka.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from pathlib import Path
from typing import IO

MOST_SLOTS = 256


class SlotTaken(Exception):
    """The number is another process's, or none is free; the text says which."""


class Slot:
    """The first free number of a stage, held until the process ends, however it ends."""

    def __init__(self, directory: Path, stage: str, *, wanted: int | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        candidates = range(MOST_SLOTS) if wanted is None else (wanted,)
        for number in candidates:
            lock = _try_lock(directory / f"{stage}-{number}.lock")
            if lock is not None:
                self._lock = lock
                self.number = number
                self.stage = stage
                self._directory = directory
                return
        if wanted is not None:
            raise SlotTaken(f"{stage} {wanted} runs already, on the data folder {directory.parent}")
        raise SlotTaken(f"{MOST_SLOTS} processes of {stage} run on this machine already")

    @property
    def member(self) -> str:
        """The process's static name in its consumer group.

        The same again when it is started again.
        """
        return f"{self.stage}-{socket.gethostname()}-{self.number}"

    def publish(self, port: int) -> None:
        """Leave a note for the commands on this machine: where this process answers."""
        path = note_path(self._directory, self.stage, self.number)
        partial = path.with_suffix(".part")
        partial.write_text(
            json.dumps({"pid": os.getpid(), "health_port": port, "stage": self.stage})
        )
        partial.replace(path)

    def close(self) -> None:
        note_path(self._directory, self.stage, self.number).unlink(missing_ok=True)
        self._lock.close()


def note_path(directory: Path, stage: str, number: int) -> Path:
    """Where `Slot.publish` leaves its note."""
    return directory / f"{stage}-{number}.json"


def _try_lock(path: Path) -> IO[bytes] | None:
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
