"""The tables' topics as they are now, read once from start to end."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pipeline.adapters.kafka.tables import TableReader
from pipeline.domain.change_plan import Tables
from pipeline.ports import Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.adapters.kafka.tables import TableRecord
    from pipeline.domain.endpoint import Account, Endpoint
    from pipeline.domain.profile_entry import ProfileEntry
    from pipeline.domain.relation import Relation
    from pipeline.domain.topology import Topology
    from pipeline.wiring.connection import Connection

READ_SECONDS: Final = 30.0


class TablesUnread(Exception):
    """The tables cannot be read, so nothing may be decided on them; the text says why."""


@dataclass(slots=True)
class ToldTables:
    """What the newest records say, by id; tombstones say that there is none."""

    accounts: dict[str, Account] = field(default_factory=dict[str, "Account"])
    endpoints: dict[str, Endpoint] = field(default_factory=dict[str, "Endpoint"])
    relations: list[Relation] = field(default_factory=list["Relation"])
    profiles: list[ProfileEntry] = field(default_factory=list["ProfileEntry"])


async def read_tables(connection: Connection, topology: Topology, *, codec: RecordCodec) -> Tables:
    """What the newest record of each account and endpoint says; tombstones say that there is none.

    Raises:
        TablesUnread: Kafka does not answer in time, or a record is none that this version knows.
    """
    records = await read_newest(connection, (topology.accounts, topology.endpoints))
    told = told_by(records, topology, codec=codec)
    return Tables(told.accounts, told.endpoints)


def told_by(
    records: Iterable[TableRecord], topology: Topology, *, codec: RecordCodec
) -> ToldTables:
    """What they say. Raises TablesUnread."""
    told = ToldTables()
    for record in records:
        if record.value is None:
            continue
        try:
            tell(told, record, topology=topology, codec=codec)
        except (Undecodable, ValueError) as exc:
            raise TablesUnread(f"{record.topic} at {record.offset}: {exc}") from exc
    return told


def tell(told: ToldTables, record: TableRecord, *, topology: Topology, codec: RecordCodec) -> None:
    """Add what one says that is no tombstone. Raises Undecodable or ValueError."""
    value, version = record.value or b"", record.offset
    if record.topic == topology.accounts:
        account = codec.decode_account(value, version=version)
        told.accounts[account.id] = account
    elif record.topic == topology.endpoints:
        endpoint = codec.decode_endpoint(value, version=version)
        told.endpoints[endpoint.id] = endpoint
    elif record.topic == topology.relations:
        told.relations.append(codec.decode_relation(value, version=version))
    else:
        told.profiles.append(codec.decode_profile(value, version=version))


async def read_newest(connection: Connection, topics: Sequence[str]) -> list[TableRecord]:
    """The newest record of each key, tombstones too. Raises TablesUnread."""
    newest: dict[tuple[str, bytes], TableRecord] = {}
    failures: list[BaseException] = []

    def apply(records: list[TableRecord]) -> None:
        newest.update({(record.topic, record.key): record for record in records})

    def on_failed(failure: BaseException) -> None:
        failures.append(failure)
        with contextlib.suppress(RuntimeError):  # it is over already
            deadline.reschedule(asyncio.get_running_loop().time())

    reader = TableReader(connection, topics, apply=apply, on_failed=on_failed)
    try:
        async with asyncio.timeout(READ_SECONDS) as deadline:
            await reader.start()
    except TimeoutError as exc:
        why = str(failures[0]) if failures else f"no end within {READ_SECONDS:g} s"
        raise TablesUnread(f"{' and '.join(topics)} cannot be read: {why}") from exc
    finally:
        await reader.close()
    return list(newest.values())
