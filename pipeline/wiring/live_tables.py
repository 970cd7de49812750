"""The tables in memory, kept up to date, and who is told of a change. Event loop only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipeline.domain.directory import Directory
from pipeline.domain.type_patterns import compile_patterns
from pipeline.ports import Undecodable

if TYPE_CHECKING:
    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.adapters.kafka.tables import TableRecord
    from pipeline.domain.topology import Topology

log = logging.getLogger(__name__)

Listener = Callable[[frozenset[str]], None]
"""Told the ids of endpoints that may have changed."""


class LiveTables:
    """Applies table records to the directory."""

    def __init__(self, codec: RecordCodec, topology: Topology) -> None:
        self._codec = codec
        self._topology = topology
        self._listeners: list[Listener] = []
        self.positions: dict[str, int] = {}
        """By topic the offset after the last record applied."""
        self.directory = Directory(lambda patterns: compile_patterns(patterns).matches)

    @property
    def topics(self) -> tuple[str, ...]:
        """What a TableReader reads for it."""
        return (self._topology.accounts, self._topology.endpoints)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def apply(self, records: Sequence[TableRecord]) -> None:
        """Records of the tables, in order within each."""
        changed: set[str] = set()
        for record in records:
            try:
                self._apply(record, changed)
            except (Undecodable, ValueError) as error:
                log.warning("%s at %d is left out: %s", record.topic, record.offset, error)
            self.positions[record.topic] = record.offset + 1
        for listener in self._listeners:
            listener(frozenset(changed))

    def _apply(self, record: TableRecord, changed: set[str]) -> None:
        directory = self.directory
        if record.topic == self._topology.accounts:
            if record.value is not None:
                account = self._codec.decode_account(record.value, version=record.offset)
                directory.put_account(account)
                changed.update(directory.endpoints_of(account.id))
        elif record.value is None:
            directory.drop_endpoint(record.key.decode(errors="replace"))
        else:
            endpoint = self._codec.decode_endpoint(record.value, version=record.offset)
            directory.put_endpoint(endpoint)
            changed.add(endpoint.id)
