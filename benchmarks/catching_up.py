"""Whether consumer groups have read, and committed, everything that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.adapters.kafka.inquiry import Inquiry, KafkaRefused, KafkaUnreachable
from pipeline.flow import Partition


class Groups:
    """Groups with the topics that each of them reads, in the order in which records pass them."""

    def __init__(self, servers: str, read: Mapping[str, Sequence[str]]) -> None:
        self._inquiry = Inquiry({"bootstrap.servers": servers})
        counts = self._inquiry.topics()
        self._read = {
            group: [Partition(topic, number) for topic in topics for number in range(counts[topic])]
            for group, topics in read.items()
        }

    def have_caught_up(self) -> bool:
        """Asked in their order: what the first has not committed the last cannot have seen.

        False, too, where the broker gives no answer: on a machine that is busy with other things it
        may be taken for dead for a moment.
        """
        try:
            return all(self._has_caught_up(group) for group in self._read)
        except (KafkaRefused, KafkaUnreachable):
            return False

    def _has_caught_up(self, group: str) -> bool:
        partitions = self._read[group]
        bounds = self._inquiry.bounds(partitions)
        used = [partition for partition in partitions if bounds[partition].end > 0]
        committed = self._inquiry.committed(group, used)
        return all(committed.get(partition, 0) >= bounds[partition].end for partition in used)
