"""The partitions that this process owns now, and how far each is finished. Event loop only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipeline.domain import caution as cautions
from pipeline.engine.owned_partition import Begin, CommitState, OwnedPartition
from pipeline.engine.ticket import Ticket
from pipeline.ports import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.domain.caution import Caution
    from pipeline.flow import Partition, Record


class OwnedPartitions:
    """Ledgers and tickets of the current assignment.

    A ledger is the fence: tickets keep the one they were opened with, and once the partition is
    given up that ledger is not in force any more, even if the same partition comes back.
    """

    def __init__(self, on_settled: Callable[[], None], *, now_ms: Callable[[], int]) -> None:
        self._owned: dict[Partition, OwnedPartition] = {}
        self._on_settled = on_settled
        self._now_ms = now_ms
        self._nothing_open = asyncio.Event()
        self._drained: frozenset[Partition] = frozenset()
        self.unfinished_bytes = 0

    def __contains__(self, partition: Partition) -> bool:
        return partition in self._owned

    @property
    def all(self) -> frozenset[Partition]:
        """Everything owned."""
        return frozenset(self._owned)

    @property
    def unfinished(self) -> int:
        """Records received and not finished."""
        return sum(owned.ledger.unfinished for owned in list(self._owned.values()))

    @property
    def behind(self) -> int:
        """Records from the first unfinished one of each to its end."""
        return sum(owned.behind for owned in list(self._owned.values()))

    @property
    def moved(self) -> int:
        """Another number whenever a record was finished."""
        return sum(owned.ledger.moved for owned in list(self._owned.values()))

    def oldest_ms(self) -> int | None:
        """About when the oldest record that is not finished was written."""
        found = (owned.oldest_ms() for owned in list(self._owned.values()))
        return min((time_ms for time_ms in found if time_ms is not None), default=None)

    def see_ends(self, ends: Mapping[Partition, int]) -> None:
        """Where partitions end now."""
        for partition, end in ends.items():
            owned = self._owned.get(partition)
            if owned is not None:
                owned.end = end

    def begin(self, begin: Begin) -> None:
        """A partition was assigned."""
        self._owned[begin.start.partition] = OwnedPartition(begin, now_ms=self._now_ms())

    def accept(self, records: Sequence[Record]) -> list[Record]:
        """Enter what was polled; answers it without what is not ours or came twice."""
        accepted: list[Record] = []
        partition: Partition | None = None
        owned: OwnedPartition | None = None
        is_first = False
        for record in records:
            if record.partition != partition:
                partition, is_first = record.partition, True
                owned = self._owned.get(partition)
            if owned is None:
                continue
            size_bytes = record.held_bytes
            if owned.ledger.accept(record.offset, size_bytes):
                if is_first:
                    owned.mark(record.offset, record.timestamp_ms)
                    is_first = False
                owned.ledger.leader_epoch = record.leader_epoch
                self.unfinished_bytes += size_bytes
                accepted.append(record)
        return accepted

    def open_ticket(self, record: Record) -> Ticket:
        """The stage starts on a record. Raises KeyError if the partition is not ours."""
        owned = self._owned[record.partition]
        owned.open_tickets += 1
        return Ticket(record, owned.ledger, self._settle)

    def is_current(self, ticket: Ticket) -> bool:
        """Whether the record is still ours: nothing may be written for one that is not."""
        owned = self._owned.get(ticket.record.partition)
        return owned is not None and owned.ledger is ticket.ledger

    def put_back(self, ticket: Ticket) -> None:
        """Nothing of it is under way any more, but the record is not finished.

        A ticket is opened for it again.
        """
        if self.is_current(ticket):
            self._close_ticket(self._owned[ticket.record.partition])
            self._on_settled()

    def _settle(self, ticket: Ticket) -> None:
        owned = self._owned.get(ticket.record.partition)
        if owned is not None and owned.ledger is ticket.ledger:
            self.unfinished_bytes -= ticket.ledger.finish(ticket.record.offset)
            self._close_ticket(owned)
            self._on_settled()

    def _close_ticket(self, owned: OwnedPartition) -> None:
        owned.open_tickets -= 1
        if self._drained and not self.any_open(self._drained):
            self._nothing_open.set()

    def any_open(self, partitions: Iterable[Partition]) -> bool:
        """Whether anything of these is under way."""
        return any(
            owned.open_tickets
            for partition in partitions
            if (owned := self._owned.get(partition)) is not None
        )

    async def wait_drained(self, partitions: frozenset[Partition]) -> None:
        """Return when no ticket of these is open. One caller at a time: the poll thread."""
        self._drained = partitions
        self._nothing_open.clear()
        try:
            while self.any_open(partitions):
                await self._nothing_open.wait()
                self._nothing_open.clear()
        finally:
            self._drained = frozenset()

    def is_unfinished(self, record: Record) -> bool:
        """Whether the record is ours and not finished."""
        owned = self._owned.get(record.partition)
        return owned is not None and owned.ledger.is_unfinished(record.offset)

    def caution(self, partition: Partition) -> Caution:
        """How carefully the partition is to be read."""
        owned = self._owned.get(partition)
        return cautions.NONE if owned is None else owned.caution

    def set_caution(self, partition: Partition, caution: Caution) -> None:
        """Commit this beside the partition's offset."""
        owned = self._owned.get(partition)
        if owned is not None:
            owned.caution = caution

    def annotate(self, partition: Partition, metadata: str) -> None:
        """Leave a note beside the committed offset, for whoever owns the partition next."""
        owned = self._owned.get(partition)
        if owned is not None:
            owned.ledger.metadata = metadata

    def skip_to(self, positions: dict[Partition, int]) -> None:
        """Reading stands there; what was passed over without a record is finished."""
        for partition, offset in positions.items():
            owned = self._owned.get(partition)
            if owned is not None:
                owned.ledger.skip_to(offset)

    def progress(self, partitions: Iterable[Partition]) -> list[Progress]:
        """What has changed since the last call and ought to be committed."""
        now_ms = self._now_ms()
        states = {
            partition: owned.state(is_running=owned.is_running(now_ms), now_ms=now_ms)
            for partition, owned in self._of(partitions)
        }
        return self._changed(states, now_ms)

    def last_progress(self, partitions: Iterable[Partition]) -> list[Progress]:
        """The same, of partitions that are given up in order: nothing of them is under way."""
        now_ms = self._now_ms()
        states = {
            partition: owned.state(is_running=False, now_ms=now_ms)
            for partition, owned in self._of(partitions)
        }
        return self._changed(states, now_ms)

    def forget_committed(self) -> None:
        """Nobody knows what is committed: the next `progress` says all of it."""
        for owned in self._owned.values():
            owned.committed = None

    def _of(self, partitions: Iterable[Partition]) -> Iterator[tuple[Partition, OwnedPartition]]:
        for partition in partitions:
            owned = self._owned.get(partition)
            if owned is not None:
                yield partition, owned

    def _changed(self, states: Mapping[Partition, CommitState], now_ms: int) -> list[Progress]:
        changed: list[Progress] = []
        for partition, state in states.items():
            owned = self._owned[partition]
            if owned.committed != state:
                owned.committed = state
                note = state.note(now_ms=now_ms)
                changed.append(Progress(partition, state.offset, owned.ledger.leader_epoch, note))
        return changed

    def give_up(self, partitions: Iterable[Partition]) -> None:
        """They are not ours any more; tickets still open count for nothing from here on."""
        for partition in partitions:
            owned = self._owned.pop(partition, None)
            if owned is not None:
                self.unfinished_bytes -= owned.ledger.unfinished_bytes
        self._on_settled()
