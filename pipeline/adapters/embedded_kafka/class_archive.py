"""The class archive: what the Java machine learnt of the broker's classes, for its next start.

Measured: with it a broker answers after 1.3 s rather than 2.6 to 4, for half the CPU. It is made
once for each Java, by a broker that does a little work and is stopped; without it everything works,
only later. A Java machine ignores an archive that does not fit its jars.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from pipeline.adapters.embedded_kafka.broker_run import BrokerRun
from pipeline.adapters.embedded_kafka.cache import Cache
from pipeline.adapters.embedded_kafka.data_folder import BrokerFolder
from pipeline.adapters.embedded_kafka.errors import (
    BrokerDied,
    EmbeddedKafkaError,
    StartCancelled,
)
from pipeline.adapters.embedded_kafka.file_locks import FileLock
from pipeline.adapters.embedded_kafka.jvm import Jvm
from pipeline.adapters.embedded_kafka.pinned_jars import pins_digest
from pipeline.adapters.embedded_kafka.ports import free_listeners
from pipeline.adapters.embedded_kafka.rehearsal import rehearse
from pipeline.adapters.embedded_kafka.storage import ensure_formatted
from pipeline.adapters.embedded_kafka.waiting import Waiting

_FIRST_WITH_AOT_CACHE: Final = 25
_WRITING_SECONDS: Final = 120.0


class ClassArchive:
    """The archive for one Java and its flags."""

    def __init__(self, cache: Cache, jvm: Jvm) -> None:
        self._cache = cache
        self._jvm = jvm
        identity = "\n".join((jvm.java.description, pins_digest(), *jvm.fixed_flags()))
        self._path = cache.folder / f"classes-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def flags(self) -> tuple[str, ...]:
        """What makes a Java machine use the archive; nothing if there is none."""
        if not self._path.exists():
            return ()
        use = "AOTCache" if self._has_aot_cache else "SharedArchiveFile"
        return (f"-XX:{use}={self._path}",)

    def ensure(self, waiting: Waiting) -> None:
        """Make the archive unless it is there. Should that fail, it is said and left at that.

        Raises:
            CacheUnusable: the cache folder cannot be written.
        """
        if self._path.exists():
            return
        with self._cache.locked(waiting) as lock, self._cache.scratch() as scratch:
            if self._path.exists():  # another process made it meanwhile
                return
            waiting.tell("preparing the broker's class archive, once for this Java")
            try:
                self._made_in(BrokerFolder(scratch), lock, waiting).replace(self._path)
            except StartCancelled:
                raise
            except (EmbeddedKafkaError, KafkaException, OSError) as exc:
                waiting.tell(
                    f"the broker will start without a class archive, a little later: {exc}"
                )

    @property
    def _has_aot_cache(self) -> bool:
        return self._jvm.java.major >= _FIRST_WITH_AOT_CACHE

    def _made_in(self, folder: BrokerFolder, lock: FileLock, waiting: Waiting) -> Path:
        made = folder.path / "classes"
        write = "AOTCacheOutput" if self._has_aot_cache else "ArchiveClassesAtExit"
        ensure_formatted(folder, self._jvm, lock=lock)
        run = BrokerRun(
            folder=folder,
            lock=lock,
            listeners=free_listeners(),
            command=self._jvm.broker(f"-XX:{write}={made}"),
            extra={},
            stop_seconds=_WRITING_SECONDS,
        )
        broker = run.launch()
        with ExitStack() as undo:
            undo.callback(broker.process.kill)
            broker.wait_until_ready(waiting)
            rehearse(run.listeners.bootstrap_servers)
            waiting.check()
            undo.pop_all()
        broker.process.stop()
        if not made.exists():
            raise BrokerDied(
                f"The Java machine wrote none: {folder.output.read_text('utf-8')[-500:]}"
            )
        return made
