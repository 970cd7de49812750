"""A real broker on an empty data folder, gone with its data at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.children import BenchmarkFailed
from pipeline.adapters.embedded_kafka.broker import EmbeddedKafka
from pipeline.adapters.embedded_kafka.errors import EmbeddedKafkaError

_LOGS: Final = "[0-9]*.log"


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker, and the folder in which everything of a scenario lies."""

    servers: str
    pid: int
    folder: Path

    def log_bytes(self) -> int:
        """How large all logs are: records with what Kafka puts around them, no indexes."""
        return sum(file.stat().st_size for file in self.folder.glob(f"kafka/**/{_LOGS}"))


@contextmanager
def running_broker() -> Generator[RunningBroker]:
    """The embedded broker as `pipeline up` runs it. Raises BenchmarkFailed."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as name:
        kafka = EmbeddedKafka(Path(name))
        try:
            servers = kafka.start()
            pid = kafka.pid
            assert pid is not None
            yield RunningBroker(servers, pid, Path(name))
        except EmbeddedKafkaError as exc:
            raise BenchmarkFailed(str(exc)) from exc
        finally:
            kafka.stop()
