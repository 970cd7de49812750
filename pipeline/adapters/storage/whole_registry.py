"""All that the store says of accounts and what belongs to them, row by row, as of one moment."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, RowMapping, Select, select

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.operating_tables import console_operators
from pipeline.adapters.storage.registry_rows import (
    account_in,
    endpoint_in,
    event_type_in,
    key_in,
    profile_in,
)
from pipeline.adapters.storage.registry_transaction import RegistryTransaction
from pipeline.adapters.storage.tables import accounts, api_keys, endpoints, event_types, profiles
from pipeline.adapters.storage.tables import relations as relation_rows
from pipeline.domain.relation import Relation
from pipeline.moving import Entry
from pipeline.operating import Operator

_TOGETHER: Final = 500


class WholeRegistry:
    """Implements `WholeStore`. May be used by several threads at once."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def entries(self) -> Generator[Iterator[Entry]]:
        """Raises StoreUnavailable or StoreUnusable."""
        with self._store.reading() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
            yield _entries(connection)


def _entries(connection: Connection) -> Iterator[Entry]:
    yield from map(profile_in, _rows(connection, select(profiles).order_by(profiles.c.name)))
    types = select(event_types).order_by(event_types.c.type)
    yield from map(event_type_in, _rows(connection, types))
    yield from map(account_in, _rows(connection, select(accounts).order_by(accounts.c.id)))
    yield from map(endpoint_in, _rows(connection, select(endpoints).order_by(endpoints.c.id)))
    yield from _relations(connection)
    yield from map(key_in, _rows(connection, select(api_keys).order_by(api_keys.c.id)))
    people = select(console_operators).order_by(console_operators.c.name)
    for row in _rows(connection, people):
        yield Operator(**row)


def _relations(connection: Connection) -> Iterator[Relation]:
    with_some = select(relation_rows.c.account).distinct().order_by(relation_rows.c.account)
    reader = RegistryTransaction(connection)
    for account in connection.execute(with_some).scalars().all():
        after = ""
        while found := reader.relations(account, after=after, limit=_TOGETHER):
            for each in found:
                yield replace(each, data=dict(each.data))
            after = found[-1].company


def _rows(connection: Connection, wanted: Select[*tuple[object, ...]]) -> Iterator[RowMapping]:
    with connection.execution_options(yield_per=_TOGETHER).execute(wanted) as result:
        yield from result.mappings()
