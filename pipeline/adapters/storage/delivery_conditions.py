"""Filters of the log as conditions, said so that an index serves each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column, ColumnElement, TextClause

from pipeline.adapters.storage.standings import has_status
from pipeline.adapters.storage.tables import (
    IS_CAUSED_BY_SOMEBODY,
    IS_NOT_DELIVERED,
    IS_UNFINISHED,
    deliveries,
)
from pipeline.delivery_log import CountFilter, DeadLetterFilter, DeliveryFilter, Status
from pipeline.domain.delivery import Cause

_EQUAL: Final = tuple(
    deliveries.c[name]
    for name in ("account", "endpoint", "event_id", "subject", "cause", "original")
)
_UNFINISHED: Final = frozenset({Status.PENDING, Status.RETRYING, Status.HELD})
_LEAST_2XX: Final = 200
_MOST_2XX: Final = 299

Condition = ColumnElement[bool] | TextClause


def conditions_of(wanted: DeliveryFilter) -> list[Condition]:
    """What a delivery has to be."""
    table = deliveries.c
    conditions: list[Condition] = [*equal(wanted, _EQUAL), *_of_type(wanted), *_among_few(wanted)]
    conditions += since_until(table.created_at_ms, wanted.since_ms, wanted.until_ms)
    if wanted.status is not None:
        conditions += has_status(wanted.status)
    if wanted.http_status is not None:
        conditions.append(table.http_status.between(*wanted.http_status))
    return conditions


def _of_type(wanted: DeliveryFilter) -> list[Condition]:
    """One of an account's or an endpoint's deliveries are looked for among those.

    SQLite, which counts nothing, would as soon look through everybody's of a type: said like this,
    the index of types does not serve.
    """
    if wanted.event_type is None:
        return []
    its_type: ColumnElement[str | None] = deliveries.c.event_type
    if _is_of_somebody(wanted):
        its_type = its_type.concat("")
    return [its_type == wanted.event_type]


def _is_of_somebody(wanted: DeliveryFilter) -> bool:
    return wanted.account is not None or wanted.endpoint is not None


def _among_few(wanted: DeliveryFilter) -> list[Condition]:
    """What follows from the others, and leads to the index of the few that meet it.

    One alone: SQLite would choose between two by chance.
    """
    if wanted.cause not in {None, Cause.EVENT.value}:
        return [IS_CAUSED_BY_SOMEBODY]
    if wanted.status in _UNFINISHED and not _is_of_somebody(wanted):
        return [IS_UNFINISHED]
    is_other = wanted.status is not None and wanted.status is not Status.DELIVERED
    return [IS_NOT_DELIVERED] if is_other or _has_failed(wanted.http_status) else []


def _has_failed(http_status: tuple[int, int] | None) -> bool:
    """No profile takes anything but 2xx for a delivery (domain/acknowledgement.py)."""
    if http_status is None:
        return False
    first, last = http_status
    return last < _LEAST_2XX or first > _MOST_2XX


def equal(
    wanted: DeliveryFilter | DeadLetterFilter | CountFilter, columns: Sequence[Column[str]]
) -> list[ColumnElement[bool]]:
    """The columns have what the filter's fields of the same names say; None says nothing."""
    asked = ((column, getattr(wanted, column.name)) for column in columns)
    return [column == value for column, value in asked if value is not None]


def since_until(
    time_ms: Column[int], since_ms: int | None, until_ms: int | None
) -> list[ColumnElement[bool]]:
    """From `since_ms` on, before `until_ms`."""
    conditions: list[ColumnElement[bool]] = []
    if since_ms is not None:
        conditions.append(time_ms >= since_ms)
    if until_ms is not None:
        conditions.append(time_ms < until_ms)
    return conditions
