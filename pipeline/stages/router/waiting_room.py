"""Records that wait for the tables, and all behind them in their partitions."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from pipeline.telemetry.instruments import RECORDS_WAITED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.flow import Partition, Record
    from pipeline.telemetry.tally import Tally

WAIT_SECONDS: Final = 5.0
"""No record waits longer for tables: then it is routed with what they are."""
MOST_WAITING: Final = 1_000
MOST_WAITING_BYTES: Final = 4 * 1024 * 1024
"""Of one partition; beyond either no more of it is read, so that others have room."""


class Gate(Protocol):
    """Says whether a record can be routed now."""

    def admits(self, record: Record) -> bool: ...

    def give_up(self, record: Record) -> bool:
        """It has waited for `WAIT_SECONDS`; whether it is not to wait for this any longer."""
        ...


class Reading(Protocol):
    """Whoever reads the partitions."""

    def pause(self, partition: Partition) -> None:
        """Read no more of it for now."""
        ...

    def resume(self, partition: Partition) -> None:
        """Undo `pause`, if it was paused."""
        ...


class WaitingRoom:
    """`on_ready` is called when a record has waited long enough; then `take_ready` gives it."""

    def __init__(
        self,
        gate: Gate,
        reading: Reading,
        *,
        tally: Tally,
        on_ready: Callable[[], None],
    ) -> None:
        self._reading = reading
        self._gate = gate
        self._tally = tally
        self._on_ready = on_ready
        self.records: dict[Partition, deque[Record]] = {}
        """By partition, the oldest first; those behind it have not been looked at."""
        self._held_bytes: dict[Partition, int] = {}
        self._timers: dict[Partition, asyncio.TimerHandle] = {}

    def keeps(self, record: Record) -> bool:
        """Whether the record has to wait; then it is here now."""
        partition = record.partition
        behind = self.records.get(partition)
        if behind is not None:
            behind.append(record)
            held = self._held_bytes[partition] = self._held_bytes[partition] + record.held_bytes
            if len(behind) == MOST_WAITING or held > MOST_WAITING_BYTES:
                self._reading.pause(partition)
            return True
        if self._gate.admits(record):
            return False
        self.records[partition] = deque((record,))
        self._held_bytes[partition] = record.held_bytes
        self._timers[partition] = asyncio.get_running_loop().call_later(
            WAIT_SECONDS, self._give_up, partition
        )
        self._tally.add(RECORDS_WAITED, "waited")
        return True

    def take_ready(self) -> list[Record]:
        """Records that need not wait any more, with those behind them."""
        ready: list[Record] = []
        for partition, records in list(self.records.items()):
            if self._gate.admits(records[0]):
                self._leave(partition)
                ready += records
        return ready

    def drop(self, partitions: Iterable[Partition]) -> None:
        """They are not ours any more."""
        for partition in partitions:
            if partition in self.records:
                self._leave(partition)

    def _leave(self, partition: Partition) -> None:
        del self.records[partition], self._held_bytes[partition]
        self._timers.pop(partition).cancel()
        self._reading.resume(partition)

    def _give_up(self, partition: Partition) -> None:
        if self._gate.give_up(self.records[partition][0]):
            self._tally.add(RECORDS_WAITED, "in_vain")
            self._on_ready()
