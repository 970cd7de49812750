"""How far groups are behind, and since when what they have not read is waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final, NamedTuple

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused
from pipeline.adapters.kafka.reading import reading
from pipeline.flow import Partition

_TIMES_SECONDS: Final = 5.0
"""How long the oldest records may take; an age that has not come by then is not known."""
_SMALL_FETCH: Final = {"fetch.message.max.bytes": 32 * 1024, "queued.max.messages.kbytes": 1024}


class PartitionLag(NamedTuple):
    """One partition as a group has read it."""

    partition: Partition
    committed: int | None
    first: int
    end: int
    oldest_ms: int | None = None
    """When the next record to be read was appended; None where nothing waits or it is not known."""

    @property
    def lag(self) -> int:
        """Offsets that the group has not committed; all there are where it has never begun."""
        return self.end - (self.first if self.committed is None else min(self.committed, self.end))

    @property
    def is_out_of_range(self) -> bool:
        """Whether what the group would read next is not there any more, or never was."""
        return self.committed is not None and not self.first <= self.committed <= self.end


def partition_lags(
    connection: Mapping[str, str | int | bool],
    inquiry: Inquiry,
    group: str,
    partitions: Sequence[Partition],
) -> list[PartitionLag]:
    """Each partition as of now. Raises KafkaUnreachable or KafkaRefused."""
    committed = inquiry.committed(group, partitions)
    bounds = inquiry.bounds(partitions)
    lags = [PartitionLag(one, committed.get(one), *bounds[one]) for one in partitions]
    times = append_times(
        connection,
        {
            one.partition: one.end - one.lag
            for one in lags
            if one.lag > 0 and not one.is_out_of_range
        },
    )
    return [one._replace(oldest_ms=times.get(one.partition)) for one in lags]


def append_times(
    connection: Mapping[str, str | int | bool], offsets: Mapping[Partition, int]
) -> dict[Partition, int]:
    """When the record at each offset, or the next one there is, was appended."""
    times: dict[Partition, int] = {}
    if not offsets:
        return times
    give_up_at = monotonic() + _TIMES_SECONDS
    with reading({**connection, **_SMALL_FETCH}) as reader:
        reader.begin(offsets)
        while len(times) < len(offsets) and monotonic() < give_up_at:
            try:
                records = reader.poll()
            except KafkaRefused:
                break  # deleted meanwhile, because it is done
            new = {
                one.partition: one.timestamp_ms
                for one in reversed(records)
                if one.partition not in times
            }
            times.update(new)
            if new:
                reader.drop(list(new))
    return times
