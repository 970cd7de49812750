"""Makes the broker's storage in a new data folder."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from typing import Final

from pipeline.adapters.embedded_kafka.data_folder import BrokerFolder, Cluster
from pipeline.adapters.embedded_kafka.errors import BrokerDied
from pipeline.adapters.embedded_kafka.file_locks import FileLock
from pipeline.adapters.embedded_kafka.guarded_process import environment
from pipeline.adapters.embedded_kafka.jvm import LOGGING, LOGGING_FILE, PROPERTIES_FILE, Jvm
from pipeline.adapters.embedded_kafka.pinned_jars import KAFKA_VERSION
from pipeline.adapters.embedded_kafka.server_properties import Listeners, server_properties

_UNFINISHED: Final = "formatting"
_TIMEOUT_SECONDS: Final = 60.0


def write_configuration(folder: BrokerFolder, properties: str) -> None:
    (folder.path / PROPERTIES_FILE).write_text(properties, "ascii")
    (folder.path / LOGGING_FILE).write_text(LOGGING, "ascii")


def ensure_formatted(folder: BrokerFolder, jvm: Jvm, *flags: str, lock: FileLock) -> Cluster:
    """What the folder is formatted as; formats it first if it is new.

    The storage appears in one step, under the id that is recorded before, so that a crash in
    between repeats the work.

    Raises:
        BrokerDied: formatting failed; the message quotes why.
        DataFolderUnusable: see `BrokerFolder.cluster`.
    """
    cluster = folder.cluster()
    if cluster is None:
        cluster = Cluster(kafka_version=KAFKA_VERSION, cluster_id=_new_cluster_id())
        folder.record_cluster(cluster)
    if not folder.data.exists():
        unfinished = folder.path / _UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        # The ports are those of the broker's own configuration, which comes later; the storage has
        # none in it.
        write_configuration(
            folder, server_properties(Listeners(1, 2), {}, data_directory=_UNFINISHED)
        )
        _format(folder, jvm.formatter(cluster.cluster_id, *flags), lock)
        unfinished.rename(folder.data)
    return cluster


def _format(folder: BrokerFolder, command: list[str], lock: FileLock) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder.path,
            env=environment(),
            pass_fds=(
                lock.fd,
            ),  # should this process be killed, the folder is held until the work has ended
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BrokerDied(f"Formatting {folder.path} failed: {exc}") from exc
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise BrokerDied(
            f"Formatting {folder.path} failed (status {done.returncode}): {said[-2000:]}"
        )


def _new_cluster_id() -> str:
    """A random id as Kafka writes them; no leading dash, which would be read as an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))[0] == "-":
        pass
    return text
