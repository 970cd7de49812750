"""Every endpoint's credentials sealed anew with the newest key, through the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pipeline.adapters.sealing import CannotOpen, KeyFile, Sealer
from pipeline.domain.audit import Author
from pipeline.domain.endpoint import Endpoint
from pipeline.registry import RegistryWriter
from pipeline.wiring.outbox_publishing import publish_pending
from pipeline.wiring.registry_adoption import TableSides, adopt_where_empty

_TOGETHER: Final = 100
"""In one transaction: others may change something in between."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """What became of the endpoints that have credentials."""

    sealed_anew: int
    unreadable: tuple[str, ...]
    """Endpoints whose credentials no key here opens: they are left as they are."""
    has_new_key: bool


async def rotate_secrets(sides: TableSides, sealer: Sealer, key_file: KeyFile | None) -> Resealed:
    """Seal with the newest key what older ones have sealed, removed endpoints' too.

    Where all is sealed with the newest, a new key is made first, if keys lie in a file: so what an
    interruption left undone is done first. Processes that read the same file follow by themselves.

    Raises:
        UnusableKey: the file cannot be written; nothing was changed.
        TablesUnread, ClusterFailed, StoreFailed, Unacknowledged: some may be left; do it again.
    """
    await adopt_where_empty(sides)
    old = await asyncio.to_thread(_sealed_by_older, sides, sealer)
    has_new_key = not old and key_file is not None
    if not old and key_file is not None:
        await asyncio.to_thread(key_file.add_key)
        old = await asyncio.to_thread(_sealed_by_older, sides, sealer)
    unreadable: list[str] = []
    for start in range(0, len(old), _TOGETHER):
        some = old[start : start + _TOGETHER]
        unreadable += await asyncio.to_thread(_reseal, some, sides, sealer)
    await publish_pending(sides)
    return Resealed(len(old) - len(unreadable), tuple(unreadable), has_new_key)


def _sealed_by_older(sides: TableSides, sealer: Sealer) -> list[Endpoint]:
    with sides.store.registry.reading() as reader:
        endpoints = reader.accounts_and_endpoints().endpoints.values()
    return [each for each in endpoints if _is_older(each, sealer)]


def _is_older(endpoint: Endpoint, sealer: Sealer) -> bool:
    return endpoint.sealed is not None and not sealer.is_newest(endpoint.sealed)


def _reseal(some: Sequence[Endpoint], sides: TableSides, sealer: Sealer) -> list[str]:
    """Answer which cannot be opened."""
    with sides.store.registry.writing(Author("secrets rotate", "command")) as writer:
        for account in sorted({endpoint.account for endpoint in some}):
            writer.lock_account(account)
        return [
            endpoint.id
            for endpoint in some
            if not _reseal_one(endpoint.id, writer, sides=sides, sealer=sealer)
        ]


def _reseal_one(
    endpoint_id: str, writer: RegistryWriter, *, sides: TableSides, sealer: Sealer
) -> bool:
    endpoint = writer.endpoint(endpoint_id)
    if endpoint is None or endpoint.sealed is None or sealer.is_newest(endpoint.sealed):
        return True
    record_key = endpoint.id.encode()
    try:
        content = sealer.open(endpoint.sealed, record_key=record_key)
    except CannotOpen:
        return False
    anew = replace(endpoint, sealed=sealer.seal(content, record_key=record_key))
    writer.put_endpoint(anew)
    writer.publish(sides.records.of_endpoint(anew))
    return True
