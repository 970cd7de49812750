"""Attempts and dead letters as the pipeline logs them, from now on."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.reading import PartitionReader
from pipeline.domain.delivery import Attempt, DeadLetter
from pipeline.domain.topology import Topology
from pipeline.flow import Partition, Record
from pipeline.ports import Undecodable

log = logging.getLogger(__name__)

MOST_KEPT: Final = 20_000
"""Of a demo that is left running for days the newest."""


class Tail:
    """Reads both topics from these offsets on. One thread."""

    def __init__(
        self,
        reader: PartitionReader,
        topology: Topology,
        codec: RecordCodec,
        *,
        starts: Mapping[Partition, int],
    ) -> None:
        self._reader = reader
        self._add: dict[str, Callable[[bytes], None]] = {
            topology.attempts: lambda value: self.attempts.extend(codec.decode_attempts(value)),
            topology.dead_letter: lambda value: self.letters.append(
                codec.decode_dead_letter(value)._replace(delivery=None, raw=None)
            ),
        }
        self.attempts: deque[Attempt] = deque(maxlen=MOST_KEPT)
        self.letters: deque[DeadLetter] = deque(maxlen=MOST_KEPT)
        reader.begin(starts)

    def poll(self, seconds: float) -> bool:
        """Wait at most so long for something new; answers whether there was."""
        records = self._reader.poll(seconds)
        self._take(records)
        return bool(records)

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            topic, number = record.partition
            try:
                self._add[topic](record.value or b"")
            except Undecodable as exc:
                log.warning("%s[%d] at %d is left out: %s", topic, number, record.offset, exc)
