"""What the command line, the API and the console read; never waits for the recorder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import SupportsInt

from sqlalchemy import Column, ColumnElement, Row, Select, func, select, tuple_

from pipeline.adapters.storage.attempt_rows import attempt_of
from pipeline.adapters.storage.counted_hours import (
    counts_by_hour_and_length,
    counts_of_each,
    failing_most,
)
from pipeline.adapters.storage.delivery_conditions import conditions_of, equal, since_until
from pipeline.adapters.storage.delivery_rows import identity_of, only_attempt_of, standing_of
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.rows import AttemptRow, DeadLetterRow, DeliveryRow
from pipeline.adapters.storage.standings import IS_HELD
from pipeline.adapters.storage.tables import attempts, dead_letters, deliveries
from pipeline.delivery_log import (
    Counted,
    CountFilter,
    DeadLetterFilter,
    DeliveryFilter,
    EndpointCount,
    HourCount,
    LatencyCount,
    Place,
    ReasonCount,
    Status,
    StoredDeadLetter,
    StoredDelivery,
)
from pipeline.domain.delivery import Attempt, Position
from pipeline.domain.delivery_state import State

_MOST_ROWS = 1_000  # of one answer, whatever was asked for

_again = deliveries.alias("again")
_TIMES_TRIGGERED = (
    select(func.count()).where(_again.c.original == deliveries.c.id).scalar_subquery()
)


class StoreReader:
    """Implements `DeliveryLog`.

    Every method raises StoreUnavailable (try again later) or StoreUnusable.
    """

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def delivery(self, delivery_id: str) -> StoredDelivery | None:
        found = _deliveries().where(deliveries.c.id == delivery_id)
        with self._store.reading() as connection:
            row = connection.execute(found).one_or_none()
        return None if row is None else _delivery_of(row)

    def deliveries(
        self, wanted: DeliveryFilter, *, limit: int, after: Place | None = None
    ) -> list[StoredDelivery]:
        """The newest first, at most `limit` (and 1,000), older than `after` if that is given."""
        table = deliveries.c
        found = _deliveries().where(*conditions_of(wanted))
        page = _page(found, table.created_at_ms, table.id, after)
        with self._store.reading() as connection:
            return [_delivery_of(row) for row in connection.execute(page.limit(_bounded(limit)))]

    def attempts(self, delivery_id: str) -> list[Attempt]:
        """Every attempt of a delivery, in their order."""
        with self._store.reading() as connection:
            of_delivery = select(deliveries).where(deliveries.c.id == delivery_id)
            found = connection.execute(of_delivery).one_or_none()
            if found is None:
                return []
            order = attempts.c.attempt, attempts.c.started_at_ms
            delivery = DeliveryRow._make(found)
            own = select(attempts).where(
                attempts.c.delivery_id == delivery_id,
                # Nothing of it is older, so PostgreSQL need not look into older days.
                attempts.c.started_at_ms >= delivery.created_at_ms,
            )
            page = own.order_by(*order).limit(_MOST_ROWS)
            rows = [AttemptRow._make(row) for row in connection.execute(page)]
        only = only_attempt_of(delivery)
        identity = identity_of(delivery)
        return [attempt_of(row, identity) for row in ([only] if only is not None else rows)]

    def dead_letter(self, letter_id: str) -> StoredDeadLetter | None:
        found = select(dead_letters).where(dead_letters.c.id == letter_id)
        with self._store.reading() as connection:
            row = connection.execute(found).one_or_none()
        return None if row is None else _dead_letter_of(row)

    def dead_letters(
        self, wanted: DeadLetterFilter, *, limit: int, after: Place | None = None
    ) -> list[StoredDeadLetter]:
        """The newest first, at most `limit` (and 1,000), older than `after` if that is given."""
        table = dead_letters.c
        found = select(dead_letters).where(*_letter_conditions(wanted))
        page = _page(found, table.dead_at_ms, table.id, after)
        with self._store.reading() as connection:
            return [_dead_letter_of(row) for row in connection.execute(page.limit(_bounded(limit)))]

    def reasons(self, wanted: DeadLetterFilter, *, most: int) -> list[ReasonCount]:
        """How many there are of each reason among the newest `most`, the most first."""
        table = dead_letters.c
        newest = (
            select(table.reason, table.dead_at_ms)
            .where(*_letter_conditions(wanted))
            .order_by(table.dead_at_ms.desc())
            .limit(most)
            .subquery()
            .c
        )
        letters = func.count()
        by_reason = (
            select(newest.reason, letters, func.max(newest.dead_at_ms))
            .group_by(newest.reason)
            .order_by(letters.desc(), newest.reason)
        )
        with self._store.reading() as connection:
            return [ReasonCount(*row) for row in connection.execute(by_reason)]

    def counts(self) -> dict[str, int]:
        """How many deliveries have each status; reads all of them."""
        by_state = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        with self._store.reading() as connection:
            return {State(state).status: count for state, count in connection.execute(by_state)}

    def counted(self, of: CountFilter, *, since_ms: int, until_ms: int) -> Counted:
        hours, lengths = counts_by_hour_and_length(of, range(since_ms, until_ms))
        with self._store.reading() as connection:
            return Counted(
                [_hour_of(*row) for row in connection.execute(hours)],
                [_latency_of(*row) for row in connection.execute(lengths)],
            )

    def counted_of_each(
        self, endpoints: Sequence[str], account: str | None, *, since_ms: int, until_ms: int
    ) -> dict[str, Counted]:
        hours, lengths = counts_of_each(endpoints, account, range(since_ms, until_ms))
        hours_of: defaultdict[str, list[HourCount]] = defaultdict(list)
        lengths_of: defaultdict[str, list[LatencyCount]] = defaultdict(list)
        with self._store.reading() as connection:
            for endpoint, *hour in connection.execute(hours):
                hours_of[endpoint].append(_hour_of(*hour))
            for endpoint, *length in connection.execute(lengths):
                lengths_of[endpoint].append(_latency_of(*length))
        return {each: Counted(hours_of[each], lengths_of[each]) for each in endpoints}

    def failing(
        self, of: CountFilter, *, since_ms: int, until_ms: int, limit: int
    ) -> list[EndpointCount]:
        hours = range(since_ms, until_ms)
        with self._store.reading() as connection:
            found = connection.execute(failing_most(connection, of, hours, limit=_bounded(limit)))
            return [
                EndpointCount(endpoint, account, int(count), int(well))
                for endpoint, account, count, well in found
            ]


def _hour_of(hour_ms: int, http_status: int, *counted: SupportsInt) -> HourCount:
    return HourCount(hour_ms, http_status or None, *map(int, counted))


def _latency_of(bucket: int, requests: SupportsInt) -> LatencyCount:
    return LatencyCount(bucket, int(requests))


_DEAD_LETTER_COLUMNS = tuple(
    dead_letters.c[name] for name in ("account", "endpoint", "reason", "event_type")
)


def _letter_conditions(wanted: DeadLetterFilter) -> list[ColumnElement[bool]]:
    return [
        *equal(wanted, _DEAD_LETTER_COLUMNS),
        *since_until(dead_letters.c.dead_at_ms, wanted.since_ms, wanted.until_ms),
    ]


def _deliveries() -> Select[tuple[object, ...]]:
    return select(deliveries, _TIMES_TRIGGERED.label("times_triggered"), IS_HELD.label("is_held"))


def _page(
    rows: Select[tuple[object, ...]], time_ms: Column[int], key: Column[str], after: Place | None
) -> Select[tuple[object, ...]]:
    if after is not None:
        rows = rows.where(tuple_(time_ms, key) < tuple_(*after))
    return rows.order_by(time_ms.desc(), key.desc())


def _bounded(limit: int) -> int:
    return max(0, min(limit, _MOST_ROWS))


def _delivery_of(found: Row[tuple[object, ...]]) -> StoredDelivery:
    row = DeliveryRow._make(found[: len(DeliveryRow._fields)])
    tried = standing_of(row).deciding
    identity = identity_of(row)
    return StoredDelivery(
        id=row.id,
        **identity._asdict(),
        status=Status.HELD if found.is_held else State(row.state).status,
        http_status=row.http_status,
        attempts=row.attempts,
        created_at_ms=row.created_at_ms,
        last_attempt_at_ms=row.last_attempt_at_ms,
        next_attempt_at_ms=row.next_attempt_at_ms if row.state == State.RETRYING else None,
        times_triggered=found.times_triggered,
        record=None if tried is None else tried.record,
    )


def _dead_letter_of(found: Row[tuple[object, ...]]) -> StoredDeadLetter:
    row = DeadLetterRow._make(found)
    return StoredDeadLetter(
        id=row.id,
        reason=row.reason,
        dead_at_ms=row.dead_at_ms,
        account=row.account,
        endpoint=row.endpoint,
        event_type=row.event_type,
        attempts=row.attempts,
        outcome=row.outcome,
        http_status=row.http_status,
        error=row.error,
        source=Position(row.source_topic, row.source_partition, row.source_offset),
        record=Position(row.record_topic, row.record_partition, row.record_offset),
    )
