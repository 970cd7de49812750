"""What the recorder writes: facts and how far they were read, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from pipeline.adapters.storage.attempt_rows import dead_letter_row
from pipeline.adapters.storage.changes import (
    AttemptKey,
    Changes,
    Facts,
    Known,
    changes_of,
    facts_of,
)
from pipeline.adapters.storage.column_values import storable
from pipeline.adapters.storage.counting_tables import positions
from pipeline.adapters.storage.day_partitions import DayPartitions
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.errors import StoreUnavailable
from pipeline.adapters.storage.first_rows import NONE_FIRST, Divided, divided
from pipeline.adapters.storage.hour_totals import part_of, totals_of
from pipeline.adapters.storage.rows import FIRST_OF_STANDING, AttemptRow, DeliveryRow
from pipeline.adapters.storage.statements import is_one_of, statements_for
from pipeline.adapters.storage.tables import attempts, deliveries
from pipeline.adapters.storage.watched_rows import keep_sightings, new_dead, seen_of
from pipeline.delivery_log import StoredDelivery
from pipeline.domain.delivery import Attempt
from pipeline.domain.delivery_state import Buried, Identity, Pending, standing_dropped
from pipeline.domain.inactivity import Seen

_TRIES = 5  # to write what another recorder was writing at the same time
_UNIQUE_VIOLATION = "23505"
_CHECK_VIOLATION = "23514"  # also where the partition of a row is gone


class _WrittenMeanwhile(Exception):
    """Somebody wrote one of these deliveries before our insert, or dropped a day's partition."""


class _Batch(NamedTuple):
    """What is written in one transaction."""

    facts: Facts
    buried: Sequence[Buried]
    positions: Mapping[tuple[str, int], int]
    first: Divided = NONE_FIRST
    """Whose first rows are taken for new."""
    seen: Mapping[str, Seen] = MappingProxyType({})
    """What it says of endpoints."""


class Written(NamedTuple):
    """What a write added."""

    new_attempts: int
    """Attempts that the store did not know before."""


class RecorderStore:
    """Keeps what became of each delivery. May be used by several threads and processes at once.

    Every method raises StoreUnavailable (nothing was written; try again later) or StoreUnusable.
    Whatever is written twice, in any order, by whomever, counts once.
    """

    __slots__ = ("_days", "_statements", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._statements = statements_for(store.engine.dialect)
        self._days = DayPartitions()

    def positions(self, topic: str) -> dict[int, int]:
        """For each partition that was ever written the offset to read next."""
        columns = positions.c
        with self._store.reading() as connection:
            found = select(columns.partition, columns.next_offset).where(columns.topic == topic)
            return dict(tuple(row) for row in connection.execute(found))

    def write(
        self,
        attempts: Sequence[Attempt],
        dead_letters: Sequence[Buried],
        positions: Mapping[tuple[str, int], int],
    ) -> Written:
        """Record all of it and that partitions were read up to `positions`, or nothing.

        A position (topic, partition -> next offset) that is behind the stored one changes nothing.
        """
        seen = seen_of(attempts)
        if self._statements.create_first is not None:
            buried = (dead.letter.id for dead in dead_letters)
            first = divided(attempts, buried)
            facts = facts_of(first.rest, dead_letters, ())
            try:
                return self._write_once(_Batch(facts, dead_letters, positions, first, seen))
            except _WrittenMeanwhile:
                pass  # then they are to be looked up
        facts = facts_of(attempts, dead_letters, ())
        return self._write(_Batch(facts, dead_letters, positions, seen=seen))

    def announce(self, pending: Sequence[Pending]) -> None:
        """Record deliveries that nobody has tried yet, so that they can be looked up at once."""
        self._write(_Batch(facts_of((), (), pending), (), {}))

    def drop(self, delivery: StoredDelivery) -> None:
        """Record that somebody dropped it: its dead letter may come much later."""
        said = (
            Identity(delivery.account, delivery.endpoint),
            standing_dropped(delivery.created_at_ms),
        )
        self._write(_Batch(Facts({}, {delivery.id: [said]}), (), {}))

    def move_position(self, topic: str, partition: int, *, next_offset: int) -> None:
        """Set where reading goes on, backwards too: an operator said so, or the topic is new."""
        key = (positions.c.topic == topic) & (positions.c.partition == partition)
        with self._store.writing() as connection:
            connection.execute(positions.delete().where(key))
            self._statements.advance_position.run(connection, [(topic, partition, next_offset)])

    def _write(self, batch: _Batch) -> Written:
        for _ in range(_TRIES):
            try:
                return self._write_once(batch)
            except _WrittenMeanwhile:
                continue
        raise StoreUnavailable(
            f"store {self._store.place}: another recorder keeps writing the same deliveries; "
            "try again"
        )

    def _write_once(self, batch: _Batch) -> Written:
        """Everybody takes locks in one order (table by table, by key), so nobody deadlocks."""
        statements = self._statements
        read_up_to = batch.positions
        with self._store.writing() as connection:
            if read_up_to:
                _commit_without_waiting(connection)
            steps = [(*partition, offset) for partition, offset in sorted(read_up_to.items())]
            statements.advance_position.run(connection, steps)
            self._create(connection, batch.first)
            changes = changes_of(batch.facts, _known(connection, batch.facts.ids()))
            changes.add_accepted(batch.first.hours)
            self._apply(connection, changes)
            self._count(connection, changes, part=part_of(read_up_to))
            dead = new_dead(connection, batch.buried)
            letters = sorted(map(dead_letter_row, batch.buried), key=attrgetter("id"))
            statements.keep_dead_letter.run(connection, letters)
            keep_sightings(connection, batch.seen, dead)
        return Written(changes.new_attempts)

    def _create(self, connection: Connection, first: Divided) -> None:
        create = self._statements.create_first
        if create is not None and create.run(connection, first.first) != len(first.first):
            raise _WrittenMeanwhile

    def _apply(self, connection: Connection, changes: Changes) -> None:
        statements = self._statements
        try:
            statements.create_delivery.run(connection, changes.created)
        except IntegrityError as exc:
            if getattr(exc.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
                raise
            raise _WrittenMeanwhile from exc
        advanced = [(*row[FIRST_OF_STANDING:], row.id) for row in changes.advanced]
        statements.advance_delivery.run(connection, advanced)
        statements.amend_delivery.run(connection, [(*row[1:], row.id) for row in changes.amended])
        self._add_attempts(connection, changes.attempts)

    def _count(self, connection: Connection, changes: Changes, *, part: int) -> None:
        hours = [
            (*hour, storable(account), *counts, *counts)
            for (*hour, account), counts in sorted(changes.hours.items())
        ]
        self._statements.count.run(connection, hours)
        self._statements.count_total.run(connection, totals_of(changes.hours, part=part))

    def _add_attempts(self, connection: Connection, attempts: Sequence[AttemptRow]) -> None:
        self._days.ensure(connection, (row.started_at_ms for row in attempts))
        try:
            self._statements.add_attempt.run(connection, attempts)
        except IntegrityError as exc:
            if getattr(exc.orig, "sqlstate", None) != _CHECK_VIOLATION:
                raise
            self._days.forget()
            raise _WrittenMeanwhile from exc


def _commit_without_waiting(connection: Connection) -> None:
    """What a crash of the server loses is read again, because the positions are lost with it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, Known]:
    """What the store says of these, locked until the transaction ends."""
    if not ids:
        return {}
    dialect = connection.dialect
    wanted = select(deliveries).where(is_one_of(deliveries.c.id, ids, dialect))
    locked = wanted.order_by(deliveries.c.id).with_for_update()
    rows = [DeliveryRow._make(row) for row in connection.execute(locked)]
    if not rows:
        return {}
    found = [row.id for row in rows]
    keys = select(attempts.c.delivery_id, attempts.c.attempt, attempts.c.started_at_ms)
    # Attempts are never older than their delivery, so PostgreSQL need not look into older days.
    since_ms = min(row.created_at_ms for row in rows)
    own = is_one_of(attempts.c.delivery_id, found, dialect), attempts.c.started_at_ms >= since_ms
    tried: defaultdict[str, set[AttemptKey]] = defaultdict(set)
    for delivery_id, *key in connection.execute(keys.where(*own)):
        tried[delivery_id].add((key[0], key[1]))
    return {row.id: Known(row, frozenset(tried[row.id])) for row in rows}
