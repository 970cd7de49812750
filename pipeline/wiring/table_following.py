"""The tables of a stage: read from their beginning, then followed as long as the process lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.adapters.kafka.tables import TableReader
from pipeline.adapters.profile_files import read_profile_files
from pipeline.domain.profile_table import Profiles
from pipeline.resources import PROFILES_DIR
from pipeline.wiring.live_tables import LiveTables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack

    from pipeline.adapters.kafka.codec import RecordCodec
    from pipeline.domain.topology import Topology
    from pipeline.wiring.connection import Connection


def empty_tables(codec: RecordCodec, topology: Topology, names: Sequence[str]) -> LiveTables:
    """Tables before anything was read, with the profiles that ship."""
    profiles = Profiles(read_profile_files(PROFILES_DIR))
    return LiveTables(codec, topology, profiles=profiles, names=names)


async def follow_tables(
    tables: LiveTables,
    connection: Connection,
    *,
    on_failed: Callable[[BaseException], None],
    closing: AsyncExitStack,
) -> None:
    """Return when all of them were read to their end once; they are followed until `closing`."""
    reader = TableReader(
        connection, tables.topics, apply=tables.apply, on_failed=on_failed, on_ends=tables.reach
    )
    closing.push_async_callback(reader.close)
    await reader.start()
    tables.built()
