"""The recorder gathers what comes soon after each other, and keeps nothing waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.domain.delivery import Attempt
from pipeline.domain.delivery_state import Buried
from pipeline.engine.consume_loop import ConsumeLoop
from pipeline.engine.outlet import Outlet
from pipeline.engine.owned_partition import Begin
from pipeline.engine.partitions import OwnedPartitions
from pipeline.flow import Emit, Partition, Record, StartAt
from pipeline.ports import EmitRefused
from pipeline.stages.dead_lettering import DeadLettering
from pipeline.stages.recorder import FULL_BYTES, PACE_SECONDS, Recorder, RecorderPorts
from pipeline.stages.recording_traces import RecordingTraces
from pipeline.telemetry.spans import Spans
from pipeline.telemetry.tally import Tally
from pipeline.wiring.recorder_store import AttemptStoreOf
from tests.storage.builders import START_MS, an_attempt

PARTITION = Partition("attempts", 0)
CODEC = RecordCodec(load_schemas(Path(__file__).parents[2] / "schemas"))


class Transactions:
    """Implements `AttemptStore`: a real one, and how many attempts each transaction held."""

    def __init__(self, store: AttemptStoreOf) -> None:
        self._store = store
        self.sizes: list[int] = []
        self.written = asyncio.Event()
        self._events = asyncio.get_running_loop()

    def write(
        self,
        attempts: Sequence[Attempt],
        dead_letters: Sequence[Buried],
        positions: Mapping[tuple[str, int], int],
    ) -> int:
        new = self._store.write(attempts, dead_letters, positions)
        self.sizes.append(len(attempts))
        self._events.call_soon_threadsafe(self.written.set)
        return new


class NothingToSend:
    """Implements `RecordSink` for records that are all in order."""

    clock_ahead_ms = 0
    is_congested = False

    def send(self, emit: Emit, done: Callable[[EmitRefused | None], None]) -> None:  # noqa: ARG002 - the port's signature
        raise AssertionError(emit)

    async def wait_room(self) -> None:
        return


class Reading:
    """A recorder that is given records, as the loop would."""

    def __init__(self, store: Store, *, pace_seconds: float) -> None:
        self.reader = StoreReader(store)
        self.transactions = Transactions(AttemptStoreOf(RecorderStore(store)))
        self.settled = asyncio.Event()
        self._owned = OwnedPartitions(self.settled.set, now_ms=lambda: START_MS)
        self._owned.begin(Begin(StartAt(PARTITION, 0)))
        tally = Tally()
        ports = RecorderPorts(
            store=self.transactions,
            records=CODEC,
            outlet=Outlet(NothingToSend(), on_failed=lambda _: None),
            dead=DeadLettering("dead-letter", CODEC, now_ms=lambda: START_MS, tally=tally),
            tally=tally,
            attempts_topic=PARTITION.topic,
            tracing=RecordingTraces(Spans(None), group="recorder", now_ns=lambda: 0),
        )
        # All that a recorder wants of the loop is tickets.
        self.recorder = Recorder(cast("ConsumeLoop", self._owned), ports, pace_seconds=pace_seconds)
        self._offset = 0

    def give(self, *attempts: Attempt) -> None:
        record = Record(PARTITION, self._offset, None, CODEC.encode_attempts(attempts), START_MS)
        self._offset += 1
        self.recorder.take(self._owned.accept([record]))

    async def until(self, count: int) -> None:
        """Return when so many deliveries can be seen."""
        async with asyncio.timeout(30):
            while sum((await asyncio.to_thread(self.reader.counts)).values()) < count:
                await self.transactions.written.wait()
                self.transactions.written.clear()

    def unfinished(self) -> int:
        return self._owned.unfinished


@asynccontextmanager
async def _reading(url: str, *, pace_seconds: float = PACE_SECONDS) -> AsyncGenerator[Reading]:
    store = await asyncio.to_thread(open_store, url)
    opened = Reading(store, pace_seconds=pace_seconds)
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(opened.recorder.work())
        try:
            yield opened
        finally:
            work.cancel()
    store.close()


def _numbered(number: int, **changes: object) -> Attempt:
    return an_attempt(delivery_id=f"dlv_{number:06}", **changes)


async def test_a_lone_attempt_is_seen_without_another_one_coming(sqlite_url: str):
    async with _reading(sqlite_url) as reading:
        reading.give(_numbered(0))
        await reading.until(1)
        reading.give(_numbered(1))
        await reading.until(2)
        assert reading.transactions.sizes == [1, 1]


async def test_what_comes_within_the_pace_is_one_transaction(sqlite_url: str):
    async with _reading(sqlite_url, pace_seconds=3) as reading:
        reading.give(_numbered(0))
        await reading.until(1)
        for number in range(1, 40):
            reading.give(_numbered(number))
            await asyncio.sleep(0)  # the recorder may look at each of them
        await reading.until(40)
        assert reading.transactions.sizes == [1, 39]


async def test_a_backlog_is_written_without_waiting_for_the_pace(sqlite_url: str):
    async with _reading(sqlite_url, pace_seconds=3_600) as reading:
        reading.give(_numbered(0))
        await reading.until(1)
        large = b"x" * (FULL_BYTES // 4)
        for number in range(1, 5):
            reading.give(_numbered(number, response_body=large))
        await reading.until(5)


async def test_a_record_is_finished_only_when_it_is_stored(sqlite_url: str):
    async with _reading(sqlite_url) as reading:
        reading.give(_numbered(0), _numbered(1))
        assert reading.unfinished() == 1
        await reading.until(2)
        async with asyncio.timeout(30):
            await reading.settled.wait()
        assert reading.unfinished() == 0
