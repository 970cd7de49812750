"""An endpoint's deliveries into a topic of its own, or out of it, while everything runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipeline.clock import now_ms
from pipeline.domain.endpoint_topics import Placement, TopicChooser
from pipeline.flow import Emit
from pipeline.wiring.table_publishing import publish_records
from pipeline.wiring.table_reading import read_tables

if TYPE_CHECKING:
    from pipeline.domain.endpoint import Endpoint
    from pipeline.wiring.endpoint_changes import ChangeContext


class NoEndpoint(LookupError):
    """There is no endpoint of this name."""


async def move_endpoint(
    endpoint_id: str, to: Placement, context: ChangeContext
) -> tuple[Endpoint, Endpoint]:
    """The endpoint before and after; the same where it is there already.

    The topic is made, with a leader, before the record that names it is published: whoever sees the
    record subscribes to its topic at once. Routers and schedulers write to the new one as their
    tables follow; senders read both.

    Raises:
        NoEndpoint, CannotMove: nothing was changed.
        TablesUnread, ClusterFailed: as for `apply_changes`.
        Unacknowledged: Kafka may have the record or not; moving it again does no harm.
    """
    topology = context.topic_file.topology
    tables = await read_tables(context.connection, topology, codec=context.codec)
    present = tables.endpoints.get(endpoint_id)
    if present is None:
        raise NoEndpoint(f"there is no endpoint {endpoint_id!r}")
    chooser = TopicChooser(
        topology, context.topic_file.dedicated_limit, present=tables.endpoints.values()
    )
    moved = chooser.move(present, to, now_ms=now_ms())
    if moved == present:
        return present, moved
    if to is Placement.DEDICATED:
        await asyncio.to_thread(context.topics.create, [moved.topic])
    record = Emit(topology.endpoints, context.codec.encode_endpoint(moved), moved.id.encode())
    await publish_records(context.connection, [record])
    return present, moved
