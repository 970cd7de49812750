"""The registry and its outbox in the store that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.adapters.storage.engine import Durability
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.outbox_store import SqlOutboxStore
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.publishing import OutboxStore
from pipeline.registry import Registry
from pipeline.settings import Settings
from pipeline.wiring.configuration import store_url


@dataclass(frozen=True, slots=True)
class RegistryStore:
    """An open store; several threads may use it."""

    registry: Registry
    outbox: OutboxStore
    close: Callable[[], None]


def opened_registry(settings: Settings) -> RegistryStore:
    """Opened, and made or migrated where that is needed. Raises StoreFailed."""
    store = open_store(store_url(settings), durability=Durability.TRUTH)
    return RegistryStore(SqlRegistry(store), SqlOutboxStore(store), store.close)
