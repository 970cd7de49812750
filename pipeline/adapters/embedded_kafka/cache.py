"""The folder in the user's cache that all brokers of this machine share: jars, class archives.

One lock guards every change to it; what a killed process left half done is cleaned up by the next
holder.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.adapters.embedded_kafka.errors import EmbeddedKafkaError
from pipeline.adapters.embedded_kafka.file_locks import FileLock
from pipeline.adapters.embedded_kafka.pinned_jars import KAFKA_VERSION
from pipeline.adapters.embedded_kafka.waiting import Waiting

_LOCK_TIMEOUT_SECONDS: Final = 600.0
_SCRATCH_PREFIX: Final = "unfinished-"


class CacheUnusable(EmbeddedKafkaError):
    """The cache folder cannot be written, or another process has kept it locked for too long."""


@dataclass(frozen=True, slots=True)
class Cache:
    folder: Path

    @property
    def jars(self) -> Path:
        return self.folder / "jars"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    @contextmanager
    def locked(self, waiting: Waiting) -> Generator[FileLock]:
        """Hold the cache for changing it; waits for another process that does.

        Raises:
            CacheUnusable: it is not writable, or was not free within ten minutes.
        """
        lock = self._lock(waiting)
        with lock:
            for leftover in self.folder.glob(f"{_SCRATCH_PREFIX}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            yield lock

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """A folder for work under way, on the cache's file system; for the holder of the lock."""
        with tempfile.TemporaryDirectory(
            prefix=_SCRATCH_PREFIX, dir=self.folder, ignore_cleanup_errors=True
        ) as scratch:
            yield Path(scratch)

    def _lock(self, waiting: Waiting) -> FileLock:
        if ":" in str(self.folder):
            raise CacheUnusable(f"Java cannot name jars in {self.folder}: there is a colon in it")
        path = self.folder / "lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock.try_acquire(path)
            if lock is None:
                waiting.tell(f"waiting for another process that fills {self.folder}")
                lock = FileLock.acquire(
                    path, timeout_seconds=_LOCK_TIMEOUT_SECONDS, give_up=waiting.cancelled.is_set
                )
                waiting.check()
        except OSError as exc:
            raise CacheUnusable(f"The cache folder {self.folder} cannot be used: {exc}") from exc
        if lock is None:
            raise CacheUnusable(f"Another process has kept {self.folder} locked for ten minutes")
        return lock


def cache_in(root: Path | None) -> Cache:
    """The cache below `root`, by default below the platform's folder for caches."""
    return Cache((root or _default_root()).absolute() / f"kafka-{KAFKA_VERSION}")


def _default_root() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "webhook-pipeline"
    configured = os.environ.get("XDG_CACHE_HOME", "")
    caches = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
    return caches / "webhook-pipeline"
