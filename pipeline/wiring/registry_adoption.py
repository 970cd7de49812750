"""The store and Kafka's tables brought together: whichever is empty learns from the other.

The store is the truth. Tables that were written before there was one are taken into it once;
topics that lost what they said are told it again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pipeline.adapters.kafka.cluster import Cluster
from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.tables import TableRecord
from pipeline.adapters.kafka.topic_file import TopicFile
from pipeline.clock import now_ms
from pipeline.domain.topology import Topology
from pipeline.registry import StoredProfile
from pipeline.wiring.connection import Connection
from pipeline.wiring.registry_store import RegistryStore
from pipeline.wiring.table_reading import ToldTables, read_newest, told_by
from pipeline.wiring.table_records import OutboxRecords, all_records, removals

RecordKey = tuple[str, bytes]
"""A table's topic, and a key in it."""


@dataclass(frozen=True, slots=True)
class TableSides:
    """Both sides: the store, and the topics of its tables."""

    store: RegistryStore
    connection: Connection
    topic_file: TopicFile
    codec: RecordCodec

    @property
    def topology(self) -> Topology:
        return self.topic_file.topology

    @property
    def records(self) -> OutboxRecords:
        return OutboxRecords(self.codec, self.topology)


@dataclass(frozen=True, slots=True)
class Adopted:
    """How much was taken into the store."""

    accounts: int
    endpoints: int
    relations: int
    profiles: int


class AlreadyTrue(Exception):
    """The store has accounts of its own, and is believed rather than the tables."""


async def prepare_registry(sides: TableSides) -> Adopted | None:
    """For the start of whoever changes the store: adopt the tables where it is empty.

    Otherwise the outbox is given what the topics say differently of what the store has: the next
    to publish mends it. Answers what was adopted, or None.

    Raises:
        TablesUnread, ClusterFailed: Kafka does not say what the tables are.
        StoreFailed: the store cannot be asked, or cannot be written.
    """
    try:
        return await adopt_tables(sides)
    except AlreadyTrue:
        before = await asyncio.to_thread(sides.store.outbox.outlook, ())
        found = await _read(sides)
        await asyncio.to_thread(_mend, sides, found, before.positions)
        return None


async def adopt_where_empty(sides: TableSides) -> None:
    """`adopt_tables` for whoever does not mind that there is nothing to adopt."""
    with contextlib.suppress(AlreadyTrue):
        await adopt_tables(sides)


async def adopt_tables(sides: TableSides) -> Adopted:
    """Take what the tables say into a store that never had an account.

    Raises:
        AlreadyTrue: it has some; nothing was changed.
        TablesUnread, ClusterFailed, StoreFailed: nothing was changed.
    """
    if not await asyncio.to_thread(_is_empty, sides):
        raise AlreadyTrue("the store has accounts already; nothing was adopted")
    found = await _read(sides)
    told = told_by(found.values(), sides.topology, codec=sides.codec)
    return await asyncio.to_thread(_adopt, sides, told, found)


async def rebuild_tables(sides: TableSides) -> int:
    """Give the outbox all that the store says, and the removal of what only the topics know.

    Answers the last one's sequence.

    Raises:
        TablesUnread, ClusterFailed, StoreFailed: nothing was changed.
    """
    found = await _read(sides)
    return await asyncio.to_thread(_rebuild, sides, found)


async def _read(sides: TableSides) -> dict[RecordKey, TableRecord]:
    there = await asyncio.to_thread(Cluster(sides.connection).layout)
    topics = [topic for topic in sides.topology.tables if topic in there.topics]
    records = await read_newest(sides.connection, topics) if topics else []
    return {(record.topic, record.key): record for record in records}


def _is_empty(sides: TableSides) -> bool:
    with sides.store.registry.reading() as reader:
        return reader.is_empty()


def _adopt(sides: TableSides, told: ToldTables, found: Mapping[RecordKey, TableRecord]) -> Adopted:
    adopted_at_ms = now_ms()
    with sides.store.registry.writing() as writer:
        writer.lock_topics()
        if not writer.is_empty():  # somebody else was faster
            raise AlreadyTrue("the store has accounts already; nothing was adopted")
        for account in told.accounts.values():
            writer.put_account(replace(account, version=0))
        for endpoint in told.endpoints.values():
            writer.put_endpoint(endpoint)
        kept = [relation for relation in told.relations if not relation.removed]
        for relation in kept:
            writer.put_relation(relation)
        for entry in told.profiles:
            profile = StoredProfile(
                entry.name, entry.document, adopted_at_ms, adopted_at_ms, entry.removed
            )
            writer.put_profile(profile)
        writer.note_positions(_positions(sides, found.values()))
    return Adopted(len(told.accounts), len(told.endpoints), len(kept), len(told.profiles))


def _mend(
    sides: TableSides, found: Mapping[RecordKey, TableRecord], before: Mapping[str, int]
) -> None:
    """`before`: the positions that the store had before the topics were read."""
    ends = _positions(sides, found.values())
    with sides.store.registry.writing() as writer:
        writer.lock_outbox()
        for record in all_records(writer.all_tables(), sides.records):
            said = found.get((record.topic, record.key))
            if said is None or said.value != record.value:
                writer.publish(record)
        # Nobody can wait for more than there is: a topic that ends sooner was made anew.
        writer.note_positions(
            {topic: end for topic, end in ends.items() if before.get(topic, end + 1) > end}
        )


def _rebuild(sides: TableSides, found: Mapping[RecordKey, TableRecord]) -> int:
    with sides.store.registry.writing() as writer:
        writer.lock_outbox()
        records = all_records(writer.all_tables(), sides.records)
        known = {(record.topic, record.key) for record in records}
        unknown = [record for key, record in found.items() if key not in known]
        for record in (*records, *removals(unknown, sides.records, removed_at_ms=now_ms())):
            writer.publish(record)
        writer.note_positions(_positions(sides, found.values()))
        return writer.sequence


def _positions(sides: TableSides, records: Iterable[TableRecord]) -> dict[str, int]:
    positions = dict.fromkeys(sides.topology.tables, 0)
    for record in records:
        positions[record.topic] = max(positions[record.topic], record.offset + 1)
    return positions
