"""The broker's folder within the data folder: who holds it, what is in it, where it answers."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import psutil

from pipeline.adapters.embedded_kafka.errors import DataFolderInUse, DataFolderUnusable
from pipeline.adapters.embedded_kafka.file_locks import FileLock
from pipeline.adapters.embedded_kafka.files import replace_file
from pipeline.adapters.embedded_kafka.pinned_jars import KAFKA_VERSION
from pipeline.adapters.embedded_kafka.server_properties import DATA_DIRECTORY
from pipeline.adapters.embedded_kafka.waiting import Waiting

_CLEAR_TIMEOUT_SECONDS: Final = 15.0
"""How long a broker whose owner was killed may take to end: longer than its guard gives it."""


class Cluster(msgspec.Struct, frozen=True):
    """What the folder was formatted as, and the ports that it had last."""

    kafka_version: str
    cluster_id: str
    port: int | None = None
    controller_port: int | None = None


class Running(msgspec.Struct, frozen=True):
    """A broker that answers."""

    bootstrap_servers: str
    pid: int
    cluster_id: str


@dataclass(frozen=True, slots=True)
class BrokerFolder:
    path: Path

    @property
    def data(self) -> Path:
        return self.path / DATA_DIRECTORY

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def output(self) -> Path:
        """What the Java machine itself says, and the guard if it fails."""
        return self.path / "jvm.log"

    def claim(self, waiting: Waiting) -> FileLock:
        """Make the folder and hold it for a broker.

        Raises:
            DataFolderInUse: another process holds it, or its broker has not ended yet.
            DataFolderUnusable: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock.acquire(
                self._lock,
                timeout_seconds=_CLEAR_TIMEOUT_SECONDS,
                give_up=lambda: self._has_live_owner() or waiting.cancelled.is_set(),
            )
        except OSError as exc:
            raise DataFolderUnusable(f"The data folder {self.path} cannot be used: {exc}") from exc
        if lock is None:
            waiting.check()
            raise self._in_use()
        os.ftruncate(lock.fd, 0)
        os.pwrite(lock.fd, str(os.getpid()).encode(), 0)
        return lock

    def let_go(self, lock: FileLock) -> None:
        """End the hold that `claim` gave. Its broker may take another moment to end."""
        self._announcement.unlink(missing_ok=True)
        os.ftruncate(lock.fd, 0)  # nobody's: the next one waits for the broker rather than refusing
        lock.release()

    def cluster(self) -> Cluster | None:
        """The record of the format; None in a new folder.

        Raises:
            DataFolderUnusable: made by another version, or data are there and the record is not.
        """
        try:
            cluster = msgspec.json.decode(self._cluster.read_bytes(), type=Cluster)
        except FileNotFoundError:
            if not self.data.exists():
                return None
            raise DataFolderUnusable(
                f"{self.data} has data, but {self._cluster.name} beside it, which says what they "
                "are, is missing. Put it back, or move the folder away to begin anew."
            ) from None
        except (OSError, msgspec.MsgspecError) as exc:
            raise DataFolderUnusable(f"{self._cluster} cannot be read: {exc}") from exc
        if _release(cluster.kafka_version) != _release(KAFKA_VERSION):
            raise DataFolderUnusable(
                f"{self.path} was made by Kafka {cluster.kafka_version}; this is {KAFKA_VERSION}. "
                "Go on with the version of the pipeline that made it, or set PIPELINE_DATA_DIR to "
                "a new folder."
            )
        return cluster

    def record_cluster(self, cluster: Cluster) -> None:
        replace_file(self._cluster, msgspec.json.format(msgspec.json.encode(cluster)))

    def announce(self, running: Running) -> None:
        """Let other commands on this machine find the broker."""
        replace_file(self._announcement, msgspec.json.format(msgspec.json.encode(running)))

    def announced(self) -> Running | None:
        """What was announced, whether or not it still runs."""
        try:
            return msgspec.json.decode(self._announcement.read_bytes(), type=Running)
        except (OSError, msgspec.MsgspecError):
            return None

    def is_home_of(self, pid: int) -> bool:
        """Whether that process is this folder's broker: only it works in there."""
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).samefile(
                self.path
            )
        except psutil.AccessDenied:
            return True  # another user's: nothing says that it is not
        except (psutil.Error, OSError):
            return False

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    @property
    def _cluster(self) -> Path:
        return self.path / "cluster.json"

    @property
    def _announcement(self) -> Path:
        return self.path / "broker.json"

    def _owner_pid(self) -> int | None:
        with suppress(OSError, ValueError):
            return int(self._lock.read_text("ascii"))
        return None

    def _has_live_owner(self) -> bool:
        try:
            pid = self._owner_pid()
            return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _in_use(self) -> DataFolderInUse:
        running = self.announced()
        at = f" at {running.bootstrap_servers}" if running else ""
        if self._has_live_owner():
            return DataFolderInUse(
                f"Process {self._owner_pid()} already runs the broker of {self.path}{at}. Use that "
                "one, stop it, or set PIPELINE_DATA_DIR to another folder."
            )
        left = f" (process {running.pid})" if running else ""
        return DataFolderInUse(
            f"The former broker of {self.path}{left} has not ended yet, although its owner has. "
            "Try again, or end it."
        )


def broker_folder(data_dir: Path) -> BrokerFolder:
    return BrokerFolder(data_dir.absolute() / "kafka")


def running_broker(data_dir: Path) -> Running | None:
    """The broker that some process of this machine runs on the data folder, if there is one."""
    folder = broker_folder(data_dir)
    running = folder.announced()
    return running if running is not None and folder.is_home_of(running.pid) else None


def _release(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])
