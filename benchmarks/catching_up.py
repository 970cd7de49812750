"""Whether consumer groups have read, and committed, everything that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.flow import Partition

_MOST_NAMED: Final = 5


class Groups:
    """Groups with the topics that each of them reads, in the order in which records pass them."""

    def __init__(self, servers: str, read: Mapping[str, Sequence[str]]) -> None:
        self._inquiry = Inquiry({"bootstrap.servers": servers})
        counts = self._inquiry.topics()
        self._read = {
            group: [Partition(topic, number) for topic in topics for number in range(counts[topic])]
            for group, topics in read.items()
        }

    def behind(self) -> str:
        """Which group has not committed everything, and what; empty where all have.

        Asked in their order: what the first has not committed the last cannot have seen. Where the
        broker gives no answer (on a machine that is busy with other things it may be taken for dead
        for a moment), that is said.
        """
        try:
            found = next((found for group in self._read if (found := self._lacking(group))), None)
        except (KafkaRefused, KafkaUnreachable) as exc:
            return str(exc)
        return "" if found is None else found

    def appended(self, group: str) -> int:
        """How many records the topics of a group have ever had. Raises KafkaUnreachable."""
        return sum(bounds.end for bounds in self._inquiry.bounds(self._read[group]).values())

    def _lacking(self, group: str) -> str:
        partitions = self._read[group]
        bounds = self._inquiry.bounds(partitions)
        committed = self._inquiry.committed(group, partitions)
        lacking = [
            f"{one.topic} [{one.number}] {committed.get(one, 0)} of {bounds[one].end}"
            for one in partitions
            if committed.get(one, 0) < bounds[one].end
        ]
        more = f" and {len(lacking) - _MOST_NAMED} more" if len(lacking) > _MOST_NAMED else ""
        return f"{group}: {', '.join(lacking[:_MOST_NAMED])}{more}" if lacking else ""
