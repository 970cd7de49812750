"""An empty store takes no change before it was brought together with Kafka's tables."""

from __future__ import annotations

import threading
from threading import Event

import pytest

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.ports import StoreFailed
from pipeline.wiring.settled_registry import SettledRegistry
from tests.storage.registry_values import an_account


def test_nothing_is_made_in_an_empty_store_before_the_tables_were_read(store: Store) -> None:
    registry = SettledRegistry(SqlRegistry(store), settled=Event(), wait_seconds=0.01)
    with pytest.raises(StoreFailed, match="tables"), registry.writing() as writer:
        writer.put_account(an_account("first"))
    with registry.reading() as reader:
        assert reader.is_empty()


def test_a_change_waits_until_they_were(store: Store) -> None:
    settled = Event()
    registry = SettledRegistry(SqlRegistry(store), settled=settled)
    threading.Timer(0.05, settled.set).start()
    with registry.writing() as writer:
        writer.put_account(an_account("first"))
    with registry.reading() as reader:
        assert not reader.is_empty()


def test_a_store_that_has_accounts_is_changed_although_kafka_says_nothing(store: Store) -> None:
    with SqlRegistry(store).writing() as writer:
        writer.put_account(an_account("first"))
    registry = SettledRegistry(SqlRegistry(store), settled=Event(), wait_seconds=0.01)
    with registry.writing() as writer:
        writer.put_account(an_account("second"))
    with registry.reading() as reader:
        assert reader.account("second") is not None
