"""Recorder: attempts and dead letters into the store, each once, however often they come."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.domain.delivery import Attempt, Reason
from pipeline.domain.delivery_state import Buried
from pipeline.flow import Partition
from pipeline.ports import StoreFailed, Undecodable
from pipeline.stages.dead_lettering import position_of
from pipeline.telemetry.instruments import ATTEMPTS_RECORDED, RECORDS_READ

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.domain.delivery import DeadLetter, Delivery
    from pipeline.engine.consume_loop import ConsumeLoop
    from pipeline.engine.outlet import Outlet
    from pipeline.engine.ticket import Ticket
    from pipeline.flow import Emit, Record, StartAt
    from pipeline.ports import AttemptStore, Records
    from pipeline.stages.dead_lettering import DeadLettering
    from pipeline.stages.recording_traces import RecordingTraces
    from pipeline.telemetry.tally import Tally

log = logging.getLogger(__name__)

ENOUGH_ATTEMPTS = 5_000
ENOUGH_BYTES = 4 * 1024 * 1024
"""A transaction takes no further record beyond these; one holds up to 200 attempts."""
PACE_SECONDS = 0.25
"""From one transaction to the next: each costs as much as some hundred attempts. An attempt that
comes alone finds the pace long over and is written at once. Well below the time for which a record
that is read with caution is waited for: it must be under way by then."""
FULL_BYTES = 1024 * 1024
"""What waits is written before its time once it is this much, as in a backlog: it fills a
transaction."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
"""Between two tries to reach the store; it doubles."""


@dataclass(frozen=True, slots=True)
class RecorderPorts:
    """What the recorder works with."""

    store: AttemptStore
    records: Records
    outlet: Outlet
    dead: DeadLettering
    tally: Tally
    attempts_topic: str
    tracing: RecordingTraces
    on_written: Callable[[Sequence[Attempt]], None] = lambda _: None
    """Told of attempts that the store has. On the event loop."""


@dataclass(slots=True)
class _Batch:
    """What goes into the store together."""

    attempts: list[Attempt] = field(default_factory=list[Attempt])
    dead_letters: list[Buried] = field(default_factory=list[Buried])
    letters: list[Emit] = field(default_factory=list["Emit"])
    """Of records that cannot be entered; the store may pass these when the brokers have them."""
    positions: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    size_bytes: int = 0
    tickets: list[Ticket] = field(default_factory=list["Ticket"])
    traced: list[Record] = field(default_factory=list["Record"])
    """Those records that name the trace of something in them."""


class Recorder:
    """An intake over attempts and dead letters; `work` must run beside the loop."""

    def __init__(
        self, loop: ConsumeLoop, ports: RecorderPorts, *, pace_seconds: float = PACE_SECONDS
    ) -> None:
        self._loop = loop
        self._ports = ports
        self._pace_seconds = pace_seconds
        self._queue: deque[Record] = deque()
        self._owned: set[Partition] = set()
        self._culprits: set[tuple[Partition, int]] = set()
        self._wake = asyncio.Event()

    @property
    def is_first(self) -> bool:
        """Whether it has the first partition of the attempts, which one process has at a time."""
        return Partition(self._ports.attempts_topic, 0) in self._owned

    def begin(self, start: StartAt) -> None:
        self._owned.add(start.partition)

    def take(self, records: Sequence[Record]) -> None:
        self._ports.tally.add(RECORDS_READ, "attempts", amount=len(records))
        self._queue.extend(records)
        self._wake.set()

    def bury(self, record: Record) -> None:
        # In its turn: the store's position has to pass it too.
        self._culprits.add((record.partition, record.offset))
        self._queue.append(record)
        self._wake.set()

    def stop(self, partitions: frozenset[Partition]) -> None:
        self._owned -= partitions
        self._queue = deque(record for record in self._queue if record.partition not in partitions)

    def forget(self, partitions: frozenset[Partition]) -> None:
        self.stop(partitions)

    async def work(self) -> None:
        """Write what was taken, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                until = asyncio.get_running_loop().time() + self._pace_seconds
                await self._write(self._gather())
                await self._wait_for_more(until)

    async def _wait_for_more(self, until: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while sum(len(record.value or b"") for record in self._queue) < FULL_BYTES:
                    await self._wake.wait()
                    self._wake.clear()

    def _gather(self) -> _Batch:
        batch = _Batch()
        while (
            self._queue
            and len(batch.attempts) < ENOUGH_ATTEMPTS
            and batch.size_bytes < ENOUGH_BYTES
        ):
            record = self._queue.popleft()
            batch.tickets.append(self._loop.open_ticket(record))
            batch.positions[record.partition] = record.offset + 1
            batch.size_bytes += len(record.value or b"")
            if record.headers is not None:
                batch.traced.append(record)
            self._enter(record, batch)
        return batch

    def _enter(self, record: Record, batch: _Batch) -> None:
        if (record.partition, record.offset) in self._culprits:
            batch.letters.append(self._ports.dead.of_culprit(record))
            return
        try:
            self._decode(record, batch)
        except Undecodable as error:
            letter = self._ports.dead.of_record(record, Reason.UNDECODABLE, error=str(error))
            batch.letters.append(letter)

    def _decode(self, record: Record, batch: _Batch) -> None:
        value = record.value or b""
        if record.partition.topic == self._ports.attempts_topic:
            batch.attempts.extend(self._ports.records.decode_attempts(value))
        else:
            letter = self._ports.records.decode_dead_letter(value)
            batch.dead_letters.append(Buried(letter, position_of(record), self._delivery(letter)))

    def _delivery(self, letter: DeadLetter) -> Delivery | None:
        if letter.delivery is None:
            return None
        try:
            return self._ports.records.decode_delivery(letter.delivery)
        except Undecodable as error:
            log.warning("the delivery in dead letter %s cannot be read: %s", letter.id, error)
            return None

    async def _write(self, batch: _Batch) -> None:
        for letter in batch.letters:
            await self._ports.outlet.send_and_wait(letter)
        pause_seconds = FIRST_PAUSE_SECONDS
        began_at_ns = self._ports.tracing.now_ns()
        while True:
            try:
                new = await asyncio.to_thread(
                    self._ports.store.write, batch.attempts, batch.dead_letters, batch.positions
                )
                break
            except StoreFailed as error:
                log.warning(
                    "the store is not to be had, trying again in %.1f s: %s", pause_seconds, error
                )
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        if batch.traced:
            self._ports.tracing.written(batch.traced, began_at_ns, records=len(batch.tickets))
        self._ports.on_written(batch.attempts)
        self._ports.tally.add(ATTEMPTS_RECORDED, "new", amount=new)
        self._ports.tally.add(ATTEMPTS_RECORDED, "repeated", amount=len(batch.attempts) - new)
        for ticket in batch.tickets:
            ticket.release()
