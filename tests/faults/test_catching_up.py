"""A recorder that is far behind catches up, killed on its way, and counts each attempt once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import pytest

from benchmarks.log_filling import Filling
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.clock import now_ms
from pipeline.domain.delivery import Attempt
from tests.running_pipeline import RunningPipeline, eventually
from tests.storage.recounting import counted, recounted

OF_A_RECORD = 200
STEP_MS = 20
REPEATED = 3
"""One in so many records."""


@contextmanager
def _store_of(pipeline: RunningPipeline) -> Generator[Store]:
    store = open_store(f"sqlite:///{pipeline.data_dir / 'store.sqlite'}")
    try:
        yield store
    finally:
        store.close()


class Backlog:
    """Attempts on their topic, some records of them twice, as after a sender's crash."""

    def __init__(self, pipeline: RunningPipeline) -> None:
        self._pipeline = pipeline
        self._filling = Filling(STEP_MS, now_ms() - 3_600_000)
        self.attempts: list[Attempt] = []
        self.records = 0

    def publish(self, count: int) -> None:
        """Return when the broker has them."""
        for batch in self._filling.batches(count, size=OF_A_RECORD):
            self.attempts += batch.attempts
            for _ in range(1 + (self.records % REPEATED == 0)):
                self._send(batch.attempts)
        assert self._pipeline.producer.flush(60) == 0

    def _send(self, attempts: Sequence[Attempt]) -> None:
        value = self._pipeline.codec.encode_attempts(attempts)
        topic = self._pipeline.topology.attempts
        self._pipeline.producer.produce(topic, value, str(self.records).encode())
        self._pipeline.producer.poll(0)
        self.records += 1


def _catches_up(pipeline: RunningPipeline, attempts: int) -> None:
    topic = pipeline.topology.attempts
    backlog = Backlog(pipeline)
    backlog.publish(attempts)
    pipeline.start("recorder")
    with _store_of(pipeline) as store:
        recorder = RecorderStore(store)

        def recorded() -> int:
            return sum(recorder.positions(topic).values())

        eventually(lambda: recorded() > 0, seconds=60, text=lambda: pipeline.log("recorder"))
        pipeline.kill("recorder")
        assert recorded() < backlog.records
        pipeline.start("recorder")
        backlog.publish(5 * OF_A_RECORD)  # life goes on meanwhile
        eventually(lambda: recorded() == backlog.records, seconds=300)
        assert counted(store) == recounted(backlog.attempts)


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_a_recorder_that_is_killed_while_it_catches_up_counts_each_attempt_once(
    pipeline: RunningPipeline,
) -> None:
    _catches_up(pipeline, 20_000)


@pytest.mark.faults
@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_a_recorder_that_is_ten_minutes_behind_catches_up(pipeline: RunningPipeline) -> None:
    """At a thousand attempts a second."""
    _catches_up(pipeline, 600_000)
