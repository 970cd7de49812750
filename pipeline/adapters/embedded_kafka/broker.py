"""The embedded broker: a real Apache Kafka of one node on loopback, its data in the data folder."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final

import msgspec

from pipeline.adapters.embedded_kafka.broker_run import BrokerRun
from pipeline.adapters.embedded_kafka.cache import cache_in
from pipeline.adapters.embedded_kafka.data_folder import Cluster, Running, broker_folder
from pipeline.adapters.embedded_kafka.errors import DataFolderUnusable, EmbeddedKafkaError
from pipeline.adapters.embedded_kafka.file_locks import FileLock
from pipeline.adapters.embedded_kafka.guarded_process import GuardedProcess
from pipeline.adapters.embedded_kafka.ports import choose_listeners
from pipeline.adapters.embedded_kafka.server_properties import Listeners
from pipeline.adapters.embedded_kafka.storage import ensure_formatted
from pipeline.adapters.embedded_kafka.toolkit import ensure_toolkit
from pipeline.adapters.embedded_kafka.waiting import Progress, Waiting

_NO_PROPERTIES: Final[Mapping[str, str]] = MappingProxyType({})


def _say_nothing(_text: str) -> None:
    pass


class EmbeddedKafka:
    """A broker that this process owns. All methods block.

    `start` and `stop` may come from different threads. It keeps its data, its cluster id and, if
    they are free, its ports from one run to the next. It ends with this process, however that ends.
    A broker that died is started again by `start`, on the same port.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        cache: Path | None = None,
        progress: Progress = _say_nothing,
        properties: Mapping[str, str] = _NO_PROPERTIES,
    ) -> None:
        """Nothing happens before `start`.

        `port` None: one is chosen and kept. `cache` None: the platform's folder for caches.
        `progress` is told what takes time, on the thread of `start`. `properties` are broker
        settings that win over ours.
        """
        self._folder = broker_folder(data_dir)
        self._cache = cache_in(cache)
        self._progress = progress
        self._properties = dict(properties)
        self._port = port
        self._bootstrap_servers = ""
        self._lock: FileLock | None = None
        self._process: GuardedProcess | None = None
        self._busy = threading.Lock()
        self._cancelled = threading.Event()

    def start(self) -> str:
        """Return the bootstrap servers once the broker answers; at once if it already runs.

        The first time on a machine this fetches the jars (44 MB), which takes a while.

        Raises:
            EmbeddedKafkaError: see `errors` for the kinds; nothing is left running.
        """
        with self._busy:
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._start_anew()
            return self._bootstrap_servers

    def stop(self) -> None:
        """End the broker, politely at first, after 10 s not so. A `start` under way gives up."""
        self._cancelled.set()
        if (process := self._process) is not None:
            process.stop()
        with self._busy:
            self._end()
            self._cancelled.clear()

    def poll(self) -> int | None:
        """The exit status of a broker that has ended; None while it runs, or if there is none.

        128 + the signal if a signal ended it, negative if one ended its guard.
        """
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int | None:
        """The Java machine's process id, None when there is none."""
        return None if self._process is None else self._process.pid

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_anew(self) -> None:
        waiting = Waiting(self._progress, self._cancelled)
        with ExitStack() as undo:
            undo.callback(self._end)
            try:
                self._begin(waiting)
            except EmbeddedKafkaError:
                waiting.check()  # a broker that `stop` ended did not fail
                raise
            except OSError as exc:
                problem = f"The data folder {self._folder.path} cannot be used: {exc}"
                raise DataFolderUnusable(problem) from exc
            undo.pop_all()

    def _begin(self, waiting: Waiting) -> None:
        self._lock = self._folder.claim(waiting)
        # What the user has to put right is said before anything takes time.
        listeners = self._choose_listeners(self._folder.cluster())
        toolkit = ensure_toolkit(self._cache, waiting)
        flags = toolkit.archive.flags()
        cluster = ensure_formatted(self._folder, toolkit.jvm, *flags, lock=self._lock)
        run = BrokerRun(
            folder=self._folder,
            lock=self._lock,
            listeners=listeners,
            command=toolkit.jvm.broker(*flags),
            extra=self._properties,
        )
        broker = run.launch()
        self._process = broker.process
        broker.wait_until_ready(waiting)
        self._publish(cluster, broker.process.pid, listeners)

    def _choose_listeners(self, cluster: Cluster | None) -> Listeners:
        return choose_listeners(
            wanted=self._port,
            last_port=cluster.port if cluster else None,
            last_controller_port=cluster.controller_port if cluster else None,
        )

    def _publish(self, cluster: Cluster, pid: int, listeners: Listeners) -> None:
        ports = {"port": listeners.port, "controller_port": listeners.controller_port}
        self._folder.record_cluster(msgspec.structs.replace(cluster, **ports))
        self._folder.announce(Running(listeners.bootstrap_servers, pid, cluster.cluster_id))
        self._port = listeners.port  # others know it now: started again, it has to be this one
        self._bootstrap_servers = listeners.bootstrap_servers

    def _end(self) -> None:
        if self._process is not None:
            self._process.stop()
        self._process = None
        if self._lock is not None:
            self._folder.let_go(self._lock)
        self._lock = None
