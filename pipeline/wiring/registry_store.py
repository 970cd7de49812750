"""The registry, its outbox and the log of deliveries in the store that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.adapters.storage.engine import Durability, Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.outbox_store import SqlOutboxStore
from pipeline.adapters.storage.recent_reader import RecentReader
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.sql_operating import SqlOperating
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.adapters.storage.whole_registry import WholeRegistry
from pipeline.delivery_log import DeliveryLog, DeliveryRows
from pipeline.moving import WholeStore
from pipeline.operating import AuditLog, OperatorStore
from pipeline.publishing import OutboxStore
from pipeline.recent_log import RecentLog
from pipeline.registry import Registry
from pipeline.settings import Settings
from pipeline.wiring.configuration import store_url


@dataclass(frozen=True, slots=True)
class RegistryStore:
    """An open store; several threads may use it."""

    registry: Registry
    outbox: OutboxStore
    log: DeliveryLog
    rows: DeliveryRows
    recent: RecentLog
    operators: OperatorStore
    audit: AuditLog
    whole: WholeStore
    close: Callable[[], None]


def opened_registry(settings: Settings) -> RegistryStore:
    """Opened, and made or migrated where that is needed. Raises StoreFailed."""
    return registry_in(open_store(store_url(settings), durability=Durability.TRUTH))


def registry_in(store: Store) -> RegistryStore:
    """In a store that is open."""
    operating = SqlOperating(store)
    return RegistryStore(
        registry=SqlRegistry(store),
        outbox=SqlOutboxStore(store),
        log=StoreReader(store),
        rows=RecorderStore(store),
        recent=RecentReader(store),
        operators=operating,
        audit=operating,
        whole=WholeRegistry(store),
        close=store.close,
    )
