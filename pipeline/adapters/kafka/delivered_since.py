"""What a sender that died had delivered after its last commit, from the attempts it wrote."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.reading import reading
from pipeline.domain.commit_note import read_note
from pipeline.domain.delivery import Decision
from pipeline.flow import Partition, StartAt
from pipeline.ports import Starts, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.domain.delivery import Attempt
    from pipeline.flow import Record
    from pipeline.ports import StartPositions

    DecodeAttempts = Callable[[bytes], list[Attempt]]

log = logging.getLogger(__name__)

CLOCKS_APART_MS = 5_000
"""The note has its writer's time, the attempts their broker's."""
MOST_RECORDS = 2_000
"""Read of a partition at most, each up to 200 attempts; a note is 10 s old at most."""


class AttemptTail:
    """The youngest attempts of a topic. Blocks; what cannot be read is repeated at worst."""

    def __init__(
        self,
        connection: Mapping[str, str | int | bool],
        topic: str,
        *,
        decode: DecodeAttempts,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._decode = decode

    def delivered(self, since_ms: int) -> dict[Partition, set[int]]:
        """Where the deliveries lie that were delivered since then, by what the brokers have."""
        found: dict[Partition, set[int]] = {}
        try:
            for record in self._records(since_ms - CLOCKS_APART_MS):
                for attempt in self._attempts(record):
                    if attempt.decision == Decision.DELIVERED:
                        at = attempt.record
                        found.setdefault(Partition(at.topic, at.partition), set()).add(at.offset)
        except (KafkaRefused, KafkaUnreachable) as error:
            log.warning("what was delivered last is not known, and may be repeated: %s", error)
        return found

    def _records(self, since_ms: int) -> Iterator[Record]:
        inquiry = Inquiry(self._connection)
        count = inquiry.topics().get(self._topic, 0)
        partitions = [Partition(self._topic, number) for number in range(count)]
        ends = {partition: bounds.end for partition, bounds in inquiry.bounds(partitions).items()}
        starts = inquiry.offsets_at(partitions, since_ms)
        behind = {partition: end for partition, end in ends.items() if starts[partition] < end}
        if not behind:
            return
        with reading(self._connection) as reader:
            reader.begin(
                {each: max(starts[each], end - MOST_RECORDS) for each, end in behind.items()}
            )
            yield from reader.read_to(behind)

    def _attempts(self, record: Record) -> list[Attempt]:
        try:
            return self._decode(record.value or b"")
        except Undecodable:
            return []


class DeliveredStarts:
    """Implements `StartPositions`: what was delivered already is not delivered again."""

    def __init__(self, starts: StartPositions, tail: AttemptTail) -> None:
        self._starts = starts
        self._tail = tail

    def starts(self, partitions: Sequence[Partition]) -> Starts:
        starts = self._starts.starts(partitions)
        notes = {start.partition: read_note(start.metadata) for start in starts.begin}
        died = {each: note.at_ms for each, note in notes.items() if note.is_running and note.at_ms}
        if not died:
            return starts
        delivered = self._tail.delivered(min(died.values()))
        begin = [
            start._replace(finished=frozenset(delivered.get(start.partition, ())))
            if start.partition in died
            else start
            for start in starts.begin
        ]
        return starts._replace(begin=begin)

    def decisions(self, held: Sequence[Partition]) -> list[StartAt]:
        return self._starts.decisions(held)
