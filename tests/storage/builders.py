"""Facts, valid by default: a test names what matters to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from pipeline.adapters.storage.counting_tables import hour_totals
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.tables import metadata
from pipeline.domain.delivery import Attempt, DeadLetter, Delivery, Position
from pipeline.domain.delivery_state import Buried

START_MS = 1_700_000_000_000

_ATTEMPT = Attempt(
    delivery_id="dlv_1",
    webhook_id="msg_1",
    event_id="evt_1",
    event_type="person.created",
    subject="person/1",
    account="acme",
    endpoint="ep_1",
    cause="event",
    cause_id=None,
    occurred_at_us=START_MS * 1000,
    attempt=1,
    started_at_ms=START_MS,
    duration_ms=12.5,
    outcome="accepted",
    status=200,
    decision="delivered",
    next_attempt_at_ms=None,
    record=Position("webhooks.shared-delivery", 3, 41),
    phases=None,
    address="192.0.2.1",
)

_DELIVERY = Delivery(
    delivery_id="dlv_1",
    webhook_id="msg_1",
    endpoint="ep_1",
    endpoint_version=7,
    attempt=1,
    first_attempt_at_ms=None,
    due_at_ms=None,
    parked=0,
    cause="event",
    cause_id=None,
    account="acme",
    event_id="evt_1",
    event_type="person.created",
    subject="person/1",
    occurred_at_us=START_MS * 1000,
    body=b"{}",
    content_type="application/json",
    headers={},
    source=Position("events.people", 0, 5),
)

_LETTER = DeadLetter(
    id="dlv_1",
    reason="exhausted",
    dead_at_ms=START_MS + 60_000,
    source=Position("webhooks.shared-delivery", 3, 41),
    account="acme",
    endpoint="ep_1",
    event_type="person.created",
    attempts=1,
    outcome="refused",
    status=503,
    error="the endpoint answered 503",
    delivery=b"encoded",
)


def an_attempt(**changes: Any) -> Attempt:
    return _ATTEMPT._replace(**changes)


def a_failure(**changes: Any) -> Attempt:
    failed = _ATTEMPT._replace(
        outcome="refused",
        status=503,
        decision="retry",
        next_attempt_at_ms=START_MS + 5_000,
        request_headers={"content-type": "application/json"},
        response_headers={"server": "sün"},
        response_body=b"\x00\xffno",
        error="the endpoint answered 503",
        phases={"dns": 1.5, "total": 12.5},
    )
    return failed._replace(**changes)


def a_delivery(**changes: Any) -> Delivery:
    return _DELIVERY._replace(**changes)


def a_letter(**changes: Any) -> DeadLetter:
    return _LETTER._replace(**changes)


def buried(letter: DeadLetter, delivery: Delivery | None = None, offset: int = 9) -> Buried:
    return Buried(letter, Position("webhooks.dead-letter", 1, offset), delivery)


def tables_of(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in an order of its own.

    Without what is seen of endpoints: of failures that are heard of in a wrong order it keeps less.
    Totals are added up: in which part of them something is counted says only who has read it.
    """
    with store.reading() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(_rows_of(table))), key=repr)
            for name, table in metadata.tables.items()
            if name != "watched_endpoints"
        }


def _rows_of(table: Table) -> Select[Any]:
    if table is not hour_totals:
        return select(table)
    key = table.c.hour_ms, table.c.http_status, table.c.latency
    return select(*key, *map(func.sum, table.c[-3:])).group_by(*key)


def empty_tables_of(store: Store) -> None:
    with store.writing() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())


def partitions_of(connection: Connection) -> list[str]:
    """PostgreSQL's of `attempts`, by name."""
    if connection.dialect.name != "postgresql":
        return []
    of_attempts = (
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'attempts'::regclass"
    )
    return sorted(connection.exec_driver_sql(of_attempts).scalars())
