"""What is asked of the counts that were made as attempts came; no attempt is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Select, TextClause, func, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from pipeline.adapters.storage.counting_tables import IS_NO_SUCCESS, statistics
from pipeline.adapters.storage.delivery_conditions import equal, since_until
from pipeline.adapters.storage.hour_totals import counts_of_all
from pipeline.delivery_log import CountFilter
from pipeline.domain.latency import NOT_COUNTED

_its = statistics.c
_WHOSE: Final = (_its.account, _its.endpoint)
_LEAST_2XX: Final = 200
_MOST_2XX: Final = 299


_Counts = tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]


def counts_by_hour_and_length(of: CountFilter, hours: range) -> _Counts:
    """Hour, status, requests, accepted and triggered; bucket of the duration, requests."""
    conditions = equal(of, _WHOSE)
    if not conditions:
        totals = counts_of_all(since_ms=hours.start, until_ms=hours.stop).c
        return _counts(totals, conditions, by=())
    return _counts(_its, [*conditions, *_during(hours)], by=())


def counts_of_each(endpoints: Sequence[str], account: str | None, hours: range) -> _Counts:
    """The same of several endpoints, whose id comes first in every row."""
    conditions: list[ColumnElement[bool]] = [_its.endpoint.in_(endpoints)]
    if account is not None:
        # Said like this, SQLite does not go through everything of the account instead.
        conditions.append(_its.account.concat("") == account)
    return _counts(_its, [*conditions, *_during(hours)], by=(_its.endpoint,))


def _counts(
    table: ReadOnlyColumnCollection[str, Any],
    conditions: Sequence[ColumnElement[bool]],
    *,
    by: tuple[Column[Any], ...],
) -> _Counts:
    requests = func.sum(table.requests)
    counts = requests, func.sum(table.accepted), func.sum(table.triggered)
    hour = *by, table.hour_ms, table.http_status
    length = *by, table.latency
    hours = select(*hour, *counts).where(*conditions).group_by(*hour).order_by(*hour)
    is_measured = table.latency != NOT_COUNTED
    lengths = select(*length, requests).where(*conditions, is_measured)
    return hours, lengths.group_by(*length).order_by(*length)


def failing_most(
    connection: Connection, of: CountFilter, hours: range, *, limit: int
) -> Select[*tuple[Any, ...]]:
    """Endpoint, account, requests and accepted of those at which most failed, the most first.

    Who fails most is found among the hours in which something failed, which are few, and only of
    those that are found everything is added up.
    """
    during = _during(hours)
    failed = func.sum(_its.requests - _its.accepted)
    whose: list[ColumnElement[bool] | TextClause] = [*equal(of, _WHOSE), *during]
    if not equal(of, _WHOSE) and not _has_refused_successes(connection, hours):
        whose.append(IS_NO_SUCCESS)
    # Said like this, SQLite does not go through everything in the order of endpoints instead.
    endpoint = _its.endpoint.concat("")
    most = (
        select(endpoint.label("endpoint"), failed.label("failed"))
        .where(*whose)
        .group_by(endpoint)
        .having(failed > 0)
        .order_by(failed.desc(), endpoint)
        .limit(limit)
        .subquery()
        .c
    )
    return (
        select(_its.endpoint, _its.account, func.sum(_its.requests), func.sum(_its.accepted))
        .where(_its.endpoint == most.endpoint, *during)
        .group_by(_its.endpoint, _its.account, most.failed)
        .order_by(most.failed.desc(), _its.endpoint)
    )


def _during(hours: range) -> list[ColumnElement[bool]]:
    return since_until(_its.hour_ms, hours.start, hours.stop)


def _has_refused_successes(connection: Connection, hours: range) -> bool:
    """Whether a 2xx was no success: a profile may take some of them alone for one."""
    table = counts_of_all(since_ms=hours.start, until_ms=hours.stop).c
    is_2xx = table.http_status.between(_LEAST_2XX, _MOST_2XX)
    refused = select(table.hour_ms).where(is_2xx, table.accepted < table.requests)
    return connection.execute(refused.limit(1)).first() is not None
