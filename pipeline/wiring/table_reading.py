"""The tables of accounts and endpoints as they are now, read once from start to end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from pipeline.adapters.kafka.tables import TableReader
from pipeline.domain.change_plan import Tables
from pipeline.ports import Undecodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.adapters.kafka.tables import TableRecord
    from pipeline.domain.endpoint import Account, Endpoint
    from pipeline.domain.topology import Topology
    from pipeline.wiring.connection import Connection

READ_SECONDS: Final = 30.0


class TablesUnread(Exception):
    """The tables cannot be read, so nothing may be decided on them; the text says why."""


async def read_tables(connection: Connection, topology: Topology, *, codec: RecordCodec) -> Tables:
    """What the newest record of each account and endpoint says; tombstones say that there is none.

    Raises:
        TablesUnread: Kafka does not answer in time, or a record is none that this version knows.
    """
    records = await _newest(connection, (topology.accounts, topology.endpoints))
    accounts: dict[str, Account] = {}
    endpoints: dict[str, Endpoint] = {}
    for record in records:
        if record.value is None:
            continue
        try:
            if record.topic == topology.accounts:
                account = codec.decode_account(record.value, version=record.offset)
                accounts[account.id] = account
            else:
                endpoint = codec.decode_endpoint(record.value, version=record.offset)
                endpoints[endpoint.id] = endpoint
        except (Undecodable, ValueError) as exc:
            raise TablesUnread(f"{record.topic} at {record.offset}: {exc}") from exc
    return Tables(accounts, endpoints)


async def _newest(connection: Connection, topics: Sequence[str]) -> list[TableRecord]:
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
