"""An endpoint's deliveries into a topic of its own, or out of it, while everything runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipeline.clock import now_ms
from pipeline.domain.audit import Author
from pipeline.domain.endpoint_topics import Placement, TopicChooser
from pipeline.wiring.endpoint_changes import check_topics
from pipeline.wiring.outbox_publishing import publish_pending
from pipeline.wiring.registry_adoption import adopt_where_empty

if TYPE_CHECKING:
    from pipeline.domain.endpoint import Endpoint
    from pipeline.registry import RegistryReader
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
        TablesUnread, ClusterFailed, StoreFailed: nothing was changed, as for `apply_changes`.
        Unacknowledged: it is moved in the store, and Kafka may have the record or not; it is
            published as soon as may be.
    """
    await check_topics(context)
    await adopt_where_empty(context.sides)
    present, moved = await asyncio.to_thread(_decided, endpoint_id, to, context)
    if moved != present:
        if to is Placement.DEDICATED:
            await asyncio.to_thread(context.topics.create, [moved.topic])
        present, moved = await asyncio.to_thread(_kept, endpoint_id, to, context)
    await publish_pending(context.sides)
    return present, moved


def _decided(endpoint_id: str, to: Placement, context: ChangeContext) -> tuple[Endpoint, Endpoint]:
    with context.store.registry.reading() as reader:
        return _moved(endpoint_id, to, context, reader)


def _kept(endpoint_id: str, to: Placement, context: ChangeContext) -> tuple[Endpoint, Endpoint]:
    with context.store.registry.writing(Author("endpoints move", "command")) as writer:
        before = writer.endpoint(endpoint_id)
        if before is not None:
            writer.lock_account(before.account)
        writer.lock_topics()
        present, moved = _moved(endpoint_id, to, context, writer)
        if moved != present:
            writer.put_endpoint(moved)
            writer.publish(context.sides.records.of_endpoint(moved))
    return present, moved


def _moved(
    endpoint_id: str, to: Placement, context: ChangeContext, reader: RegistryReader
) -> tuple[Endpoint, Endpoint]:
    tables = reader.accounts_and_endpoints()
    present = tables.endpoints.get(endpoint_id)
    if present is None:
        raise NoEndpoint(f"there is no endpoint {endpoint_id!r}")
    chooser = TopicChooser(
        context.topic_file.topology,
        context.topic_file.dedicated_limit,
        present=tables.endpoints.values(),
    )
    return present, chooser.move(present, to, now_ms=now_ms())
