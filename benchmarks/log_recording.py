"""Attempts at an even pace, through Kafka and a recorder's process, into a log that is there."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from sqlalchemy import text

from benchmarks.children import Child, ending, wait_until
from benchmarks.endpoint_layouts import EndpointLayout, TopicKind, write_topics
from benchmarks.events import SourceRecord
from benchmarks.log_filling import Batch, Filling
from benchmarks.publisher import Publisher
from benchmarks.running_broker import RunningBroker, running_broker
from benchmarks.shared_counters import cpu_seconds
from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.topic_file import read_topic_file
from pipeline.adapters.kafka.topics import Topics
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.domain.topology import Topology
from pipeline.resources import SCHEMAS_DIR

PACK_SECONDS: Final = 0.05
"""As senders pack them."""
LOOK_EVERY: Final = 10
"""Packs between two looks at how far the recorder is."""
_TOPOLOGY: Final = Topology("webhooks.")
_LAYOUT: Final = EndpointLayout(1, 1, TopicKind.SHARED)
_CATCH_UP_SECONDS: Final = 120.0


class Recorded(NamedTuple):
    """How a recorder kept up."""

    attempts: int
    per_second: float
    """From the first to the last that was recorded."""
    recorder_cpu_us: float
    """Of an attempt."""
    server_cpu_us: float
    """PostgreSQL's; 0 with SQLite, which has no other process."""
    median_lag_ms: float
    """How much work was not recorded yet, in the time that it took to come."""
    most_lag_ms: float
    catch_up_seconds: float
    """From the last attempt until all were recorded."""


class _Sender:
    """Writes attempts and dead letters as senders do, all attempts to one partition."""

    def __init__(self, servers: str, store: Store) -> None:
        self._attempts = Publisher(servers, _TOPOLOGY.attempts, linger_ms=0)
        self._letters = Publisher(servers, _TOPOLOGY.dead_letter, linger_ms=0)
        self._codec = RecordCodec(load_schemas(SCHEMAS_DIR))
        self._positions = RecorderStore(store).positions
        self._before = [0]
        """How many attempts lie before each offset."""

    def send(self, batch: Batch) -> None:
        codec = self._codec
        packed = codec.encode_attempts(batch.attempts)
        self._attempts.publish(SourceRecord(b"benchmark", packed))
        for buried in batch.buried:
            letter = buried.letter
            self._letters.publish(
                SourceRecord(letter.id.encode(), codec.encode_dead_letter(letter))
            )
        self._before.append(self._before[-1] + len(batch.attempts))
        self._attempts.serve()
        self._letters.serve()

    def behind(self) -> int:
        """Attempts that are not recorded yet."""
        read = self._positions(_TOPOLOGY.attempts).values()
        return self._before[-1] - self._before[max(read, default=0)]


def recorded(store: Store, url: str, *, per_second: int, seconds: float) -> Recorded:
    """Raises BenchmarkFailed: something ended, or the recorder did not come to the end."""
    with running_broker() as broker, _running_recorder(broker, url) as recorder:
        return _measured(store, broker, recorder, int(per_second * seconds), per_second)


@contextmanager
def _running_recorder(broker: RunningBroker, url: str) -> Generator[Child]:
    folder = broker.folder
    write_topics(folder / "topics.yaml", _LAYOUT)
    Topics(
        Cluster({"bootstrap.servers": broker.servers}),
        read_topic_file(folder / "topics.yaml", _TOPOLOGY),
    ).apply()
    settings = {
        "PIPELINE_DATA_DIR": str(folder),
        "PIPELINE_KAFKA__BOOTSTRAP_SERVERS": broker.servers,
        "PIPELINE_KAFKA__TOPICS_FILE": str(folder / "topics.yaml"),
        "PIPELINE_STORE__URL": url,
    }
    words = ("pipeline", "run", "recorder", "--slot", "0", "--follow-parent")
    recorder = Child("recorder", words, folder, settings)
    with ending([recorder]):
        yield recorder


def _measured(
    store: Store, broker: RunningBroker, recorder: Child, count: int, per_second: int
) -> Recorded:
    sender = _Sender(broker.servers, store)
    filling = Filling(1_000 / per_second, time.time() * 1_000)
    pack = max(1, int(per_second * PACK_SECONDS))
    for batch in filling.batches(pack, size=pack):
        sender.send(batch)
    _wait_recorded(sender, recorder, "the recorder does not begin")
    servers = _server_processes(store)
    cpu, server_cpu = cpu_seconds(recorder.pid), sum(map(cpu_seconds, servers))
    filling.at_ms = time.time() * 1_000
    began = time.monotonic()
    lags_ms = [
        behind / per_second * 1_000
        for behind in _send_evenly(sender, filling.batches(count, size=pack), recorder)
    ]
    last = time.monotonic()
    _wait_recorded(sender, recorder, "the recorder does not come to the end")
    ended = time.monotonic()
    return Recorded(
        count,
        count / (ended - began),
        (cpu_seconds(recorder.pid) - cpu) / count * 1e6,
        (sum(map(cpu_seconds, servers)) - server_cpu) / count * 1e6,
        median(lags_ms),
        max(lags_ms),
        ended - last,
    )


def _send_evenly(sender: _Sender, batches: Iterable[Batch], recorder: Child) -> Iterator[int]:
    """How much was not recorded yet, asked now and then."""
    began = time.monotonic()
    for number, batch in enumerate(batches, 1):
        wait_seconds = began + number * PACK_SECONDS - time.monotonic()
        if wait_seconds > 0:
            time.sleep(wait_seconds)
        sender.send(batch)
        if number % LOOK_EVERY == 0:
            recorder.check()
            yield sender.behind()


def _wait_recorded(sender: _Sender, recorder: Child, text: str) -> None:
    wait_until(
        lambda: not sender.behind(), seconds=_CATCH_UP_SECONDS, text=text, watched=[recorder]
    )


def _server_processes(store: Store) -> Sequence[int]:
    """PostgreSQL's own and one for each connection, as they are now."""
    if store.engine.dialect.name == "sqlite":
        return []
    with store.reading() as connection:
        backend = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    server = _parent(backend)
    everybody = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal())
    return [server, *(each for each in everybody if _parent(each) == server)]


def _parent(process_id: int) -> int:
    """0 for one that is gone."""
    try:
        after_name = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2]
    except OSError:
        return 0
    return int(after_name.split()[1])
