"""The partitions that this process owns now, and how far each is finished. Event loop only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipeline.engine.ledger import Ledger
from pipeline.engine.ticket import Ticket
from pipeline.ports import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.flow import Partition, Record, StartAt

RECORD_OVERHEAD_BYTES = 512
"""What a record costs in memory beside its value: objects, ledger and queue entries."""


class OwnedPartitions:
    """Ledgers and tickets of the current assignment.

    A ledger is the fence: tickets keep the one they were opened with, and once the partition is
    given up that ledger is not in force any more, even if the same partition comes back.
    """

    def __init__(self, on_settled: Callable[[], None]) -> None:
        self._ledgers: dict[Partition, Ledger] = {}
        self._open_tickets: dict[Partition, int] = {}
        self._committed: dict[Partition, tuple[int, str]] = {}
        self._on_settled = on_settled
        self._nothing_open = asyncio.Event()
        self._drained: frozenset[Partition] = frozenset()
        self.unfinished_bytes = 0

    def __contains__(self, partition: Partition) -> bool:
        return partition in self._ledgers

    @property
    def all(self) -> frozenset[Partition]:
        """Everything owned."""
        return frozenset(self._ledgers)

    @property
    def unfinished(self) -> int:
        """Records received and not finished."""
        return sum(ledger.unfinished for ledger in list(self._ledgers.values()))

    def begin(self, start: StartAt) -> None:
        """A partition was assigned."""
        ledger = Ledger(start.offset)
        ledger.metadata = start.metadata
        self._ledgers[start.partition] = ledger
        self._open_tickets[start.partition] = 0
        self._committed[start.partition] = (start.offset, start.metadata)

    def accept(self, records: Sequence[Record]) -> list[Record]:
        """Enter what was polled; answers it without what is not ours or came twice."""
        accepted: list[Record] = []
        for record in records:
            ledger = self._ledgers.get(record.partition)
            if ledger is None:
                continue
            size_bytes = RECORD_OVERHEAD_BYTES + (len(record.value) if record.value else 0)
            if ledger.accept(record.offset, size_bytes):
                ledger.leader_epoch = record.leader_epoch
                self.unfinished_bytes += size_bytes
                accepted.append(record)
        return accepted

    def open_ticket(self, record: Record) -> Ticket:
        """The stage starts on a record. Raises KeyError if the partition is not ours."""
        self._open_tickets[record.partition] += 1
        return Ticket(record, self._ledgers[record.partition], self._settle)

    def is_current(self, ticket: Ticket) -> bool:
        """Whether the record is still ours: nothing may be written for one that is not."""
        return self._ledgers.get(ticket.record.partition) is ticket.ledger

    def put_back(self, ticket: Ticket) -> None:
        """Nothing of it is under way any more, but the record is not finished.

        A ticket is opened for it again.
        """
        if self.is_current(ticket):
            self._close_ticket(ticket.record.partition)

    def _settle(self, ticket: Ticket) -> None:
        if self.is_current(ticket):
            self.unfinished_bytes -= ticket.ledger.finish(ticket.record.offset)
            self._close_ticket(ticket.record.partition)
            self._on_settled()

    def _close_ticket(self, partition: Partition) -> None:
        self._open_tickets[partition] -= 1
        if self._drained and not self._any_open(self._drained):
            self._nothing_open.set()

    def _any_open(self, partitions: Iterable[Partition]) -> bool:
        return any(self._open_tickets.get(partition) for partition in partitions)

    async def wait_drained(self, partitions: frozenset[Partition]) -> None:
        """Return when no ticket of these is open. One caller at a time: the poll thread."""
        self._drained = partitions
        self._nothing_open.clear()
        try:
            while self._any_open(partitions):
                await self._nothing_open.wait()
                self._nothing_open.clear()
        finally:
            self._drained = frozenset()

    def annotate(self, partition: Partition, metadata: str) -> None:
        """Leave a note beside the committed offset, for whoever owns the partition next."""
        ledger = self._ledgers.get(partition)
        if ledger is not None:
            ledger.metadata = metadata

    def skip_to(self, positions: dict[Partition, int]) -> None:
        """Reading stands there; what was passed over without a record is finished."""
        for partition, offset in positions.items():
            ledger = self._ledgers.get(partition)
            if ledger is not None:
                ledger.skip_to(offset)

    def progress(self, partitions: Iterable[Partition]) -> list[Progress]:
        """What has changed since the last call and ought to be committed."""
        changed: list[Progress] = []
        for partition in partitions:
            ledger = self._ledgers.get(partition)
            if ledger is None:
                continue
            state = (ledger.committable, ledger.metadata)
            if self._committed[partition] != state:
                self._committed[partition] = state
                changed.append(
                    Progress(partition, ledger.committable, ledger.leader_epoch, ledger.metadata)
                )
        return changed

    def give_up(self, partitions: Iterable[Partition]) -> None:
        """They are not ours any more; tickets still open count for nothing from here on."""
        for partition in partitions:
            ledger = self._ledgers.pop(partition, None)
            if ledger is None:
                continue
            self.unfinished_bytes -= ledger.unfinished_bytes
            del self._open_tickets[partition]
            del self._committed[partition]
        self._on_settled()
