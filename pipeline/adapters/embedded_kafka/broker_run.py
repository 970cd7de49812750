"""One run of a broker, from its configuration to its first answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.adapters.embedded_kafka.data_folder import BrokerFolder
from pipeline.adapters.embedded_kafka.errors import BrokerDied, BrokerNotReady
from pipeline.adapters.embedded_kafka.file_locks import FileLock
from pipeline.adapters.embedded_kafka.guarded_process import GuardedProcess, Launch, spawn
from pipeline.adapters.embedded_kafka.log_excerpt import excerpt, size_of
from pipeline.adapters.embedded_kafka.readiness import Ended, Silent, wait_until_ready
from pipeline.adapters.embedded_kafka.server_properties import Listeners, server_properties
from pipeline.adapters.embedded_kafka.storage import write_configuration
from pipeline.adapters.embedded_kafka.waiting import Waiting

STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class BrokerRun:
    """What to run. The folder is formatted and held by `lock`."""

    folder: BrokerFolder
    lock: FileLock
    listeners: Listeners
    command: Sequence[str]
    extra: Mapping[str, str]
    stop_seconds: float = STOP_SECONDS

    def launch(self) -> StartingBroker:
        """Start the process.

        Raises:
            BrokerDied: it could not be started.
        """
        write_configuration(self.folder, server_properties(self.listeners, self.extra))
        log_position = size_of(self.folder.log)
        launch = Launch(self.command, self.folder.path, self.folder.output, self.stop_seconds)
        return StartingBroker(self, spawn(launch, hand_on_fd=self.lock.fd), log_position)


@dataclass(frozen=True, slots=True)
class StartingBroker:
    run: BrokerRun
    process: GuardedProcess
    log_position: int

    def wait_until_ready(self, waiting: Waiting) -> None:
        """Return once it answers. It is up to the caller to stop it otherwise.

        Raises:
            BrokerDied: it ended; the message quotes its log.
            BrokerNotReady: it did not answer in time; likewise.
        """
        try:
            wait_until_ready(self.process, self.run.listeners, waiting)
        except Ended:
            raise BrokerDied(
                f"The embedded Kafka ended while it was starting (status {self.process.poll()}). "
                + self._quotation()
            ) from None
        except Silent:
            raise BrokerNotReady(
                "The embedded Kafka runs but does not answer. " + self._quotation()
            ) from None

    def _quotation(self) -> str:
        folder = self.run.folder
        text = excerpt(folder.log, since=self.log_position, output=folder.output)
        return f"From {folder.log}:\n{text}" if text else f"Nothing was written to {folder.log}."
