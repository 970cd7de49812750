"""The dead-letter topic, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from pipeline.adapters.kafka.inquiry import Bounds, Inquiry, KafkaRefused
from pipeline.adapters.kafka.reading import PartitionReader, reading
from pipeline.domain.delivery import DeadLetter, Position
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable

WINDOW_RECORDS: Final = 200
"""So many are read at once; a dead letter may have 6 MiB, but only what is shown of it is kept."""

DecodeDeadLetter = Callable[[bytes], DeadLetter]
Wanted = Callable[[DeadLetter], bool]


class LoggedDeadLetter(NamedTuple):
    """A dead letter without its bytes, and where it lies."""

    record: Position
    appended_at_ms: int
    letter: DeadLetter


class NewestDeadLetters(NamedTuple):
    """What was found."""

    letters: list[LoggedDeadLetter]
    unreadable: int
    """Records that another version has written."""


def newest_dead_letters(
    connection: Mapping[str, str | int | bool],
    topic: str,
    decode: DecodeDeadLetter,
    *,
    is_wanted: Wanted,
    limit: int,
) -> NewestDeadLetters:
    """At most `limit`, the newest first. Raises KafkaUnreachable or KafkaRefused."""
    inquiry = Inquiry(connection)
    count = inquiry.topics().get(topic)
    if count is None:
        raise KafkaRefused(f"there is no topic {topic}: make it with `pipeline topics apply`")
    bounds = inquiry.bounds([Partition(topic, number) for number in range(count)])
    search = _Search(decode, is_wanted, limit)
    with reading(connection) as reader:
        for partition, bound in bounds.items():
            search.read(reader, partition, bound)
    found = sorted(search.found, key=lambda one: (one.appended_at_ms, one.record), reverse=True)
    return NewestDeadLetters(found[:limit], search.unreadable)


class _Search:
    """Of every partition the newest that are wanted, at most `limit` of each."""

    def __init__(self, decode: DecodeDeadLetter, is_wanted: Wanted, limit: int) -> None:
        self._decode = decode
        self._is_wanted = is_wanted
        self._limit = limit
        self.found: list[LoggedDeadLetter] = []
        self.unreadable = 0

    def read(self, reader: PartitionReader, partition: Partition, bounds: Bounds) -> None:
        end, left = bounds.end, self._limit
        while end > bounds.first and left > 0:
            start = max(bounds.first, end - WINDOW_RECORDS)
            reader.begin({partition: start})
            window = list(self._wanted(reader.read_to({partition: end})))
            self.found.extend(window[-left:])
            left -= len(window)
            end = start

    def _wanted(self, records: Iterator[Record]) -> Iterator[LoggedDeadLetter]:
        for record in records:
            try:
                letter = self._decode(record.value or b"")
            except Undecodable:
                self.unreadable += 1
                continue
            if self._is_wanted(letter):
                position = Position(*record.partition, record.offset)
                slim = letter._replace(delivery=None, raw=None, raw_key=None)
                yield LoggedDeadLetter(position, record.timestamp_ms, slim)
