"""Whether a log still is the one of which a group's position was committed.

A broker that loses power, or one that was behind and is made leader, cuts records off that were
acknowledged and read. What is written there later lies below the group's position, and would be
skipped in silence. Brokers know it by leader epochs (KIP-320); librdkafka asks them where the
leader changes while it reads, and not where a position comes from a group.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pipeline.adapters.kafka.inquiry import Bounds, Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.adapters.kafka.reading import PartitionReader, reading
from pipeline.flow import Partition, StartAt
from pipeline.ports import LostPosition, StartPositions, Starts

log = logging.getLogger(__name__)

_LOOKED_BACK: Final = 10
"""The records below a position may be markers of transactions, which nobody is shown."""

CUT: Final = (
    "the log was cut off at {at}, below the group's position {position}: its end was lost with a"
    " broker, and what was written since would be skipped. Say where it goes on: pipeline offsets"
    " set --group {group} --topic {topic} --partition {number} --to {at}"
)


class UncutStarts:
    """Implements `StartPositions`: what another one says, but for logs that were cut off since.

    Where the brokers do not say, a partition begins: librdkafka sees a cut that comes later.
    """

    def __init__(
        self,
        starts: StartPositions,
        connection: Mapping[str, str | int | bool],
        *,
        group: str,
    ) -> None:
        self._starts = starts
        self._connection = connection
        self._group = group

    def starts(self, partitions: Sequence[Partition]) -> Starts:
        found = self._starts.starts(partitions)
        cuts = self._cuts(found.begin)
        if not cuts:
            return found
        begin = [start for start in found.begin if start.partition not in cuts]
        held = [self._held(start, cuts) for start in found.begin if start.partition in cuts]
        return Starts(begin, [*found.held, *held], found.decided)

    def decisions(self, held: Sequence[Partition]) -> list[StartAt]:
        return self._starts.decisions(held)

    def _held(self, start: StartAt, cuts: Mapping[Partition, int]) -> LostPosition:
        (topic, number), at = start.partition, cuts[start.partition]
        text = CUT.format(
            at=at, position=start.offset, group=self._group, topic=topic, number=number
        )
        return LostPosition(start.partition, text)

    def _cuts(self, starts: Sequence[StartAt]) -> dict[Partition, int]:
        try:
            return dict(_cuts(starts, self._connection))
        except (KafkaRefused, KafkaUnreachable) as exc:
            log.warning("whether logs were cut off is not known: %s", exc)
            return {}


def _cuts(
    starts: Sequence[StartAt], connection: Mapping[str, str | int | bool]
) -> Iterator[tuple[Partition, int]]:
    """Where the logs were cut off that were, by partition."""
    known = {each.partition: each for each in starts if each.leader_epoch is not None}
    if not known:
        return
    inquiry = Inquiry(connection)
    epochs = inquiry.last_epochs(list(known))
    doubted = [known[each] for each, epoch in epochs.items() if epoch != known[each].leader_epoch]
    if not doubted:
        return
    bounds = inquiry.bounds([each.partition for each in doubted])
    with reading(connection) as reader:
        for start in doubted:
            at = _cut(reader, start, bounds[start.partition])
            if at is not None:
                yield start.partition, at


def _cut(reader: PartitionReader, start: StartAt, bounds: Bounds) -> int | None:
    """None where what lies below the position is what was read."""
    if start.offset <= bounds.first:
        return None
    if bounds.end < start.offset:
        return bounds.end
    looked_at = max(bounds.first, start.offset - _LOOKED_BACK)
    if not _is_later(reader, start, looked_at, start.offset):
        return None
    low, high = bounds.first, start.offset
    while low < high:
        middle = (low + high) // 2
        if _is_later(reader, start, middle, middle + 1):
            high = middle
        else:
            low = middle + 1
    return low


def _is_later(reader: PartitionReader, start: StartAt, first: int, end: int) -> bool:
    """Whether a record of these was written by a later leader than the position knows."""
    epoch = start.leader_epoch or 0
    reader.begin({start.partition: first})
    return any(
        (record.leader_epoch or 0) > epoch for record in reader.read_to({start.partition: end})
    )
