"""Exclusive locks on files: the kernel lets go when the last holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_RETRY_SECONDS = 0.05


class FileLock:
    """An exclusive lock. Child processes that are handed `fd` hold it too."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def try_acquire(cls, path: Path) -> FileLock | None:
        """Take the lock at once, or answer None if somebody else has it."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return cls(fd)

    @classmethod
    def acquire(
        cls, path: Path, *, timeout_seconds: float, give_up: Callable[[], bool]
    ) -> FileLock | None:
        """Wait for the lock; None when the time is over or `give_up` says so."""
        deadline = time.monotonic() + timeout_seconds
        pause = threading.Event()
        while (lock := cls.try_acquire(path)) is None:
            if time.monotonic() > deadline or give_up():
                return None
            pause.wait(_RETRY_SECONDS)
        return lock

    def release(self) -> None:
        """Let go of this process's hold; children that were handed `fd` keep theirs."""
        os.close(self.fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
