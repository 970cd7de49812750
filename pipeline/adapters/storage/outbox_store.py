"""The outbox: what is committed and not in Kafka yet, and whose turn it is to publish it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, text

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.errors import StoreUnavailable, StoreUnusable, translated
from pipeline.adapters.storage.registry_rows import pending_in
from pipeline.adapters.storage.registry_statements import TURN_LOCK, lock_number, upsert
from pipeline.adapters.storage.tables import outbox, table_positions
from pipeline.publishing import OutboxTurn, Outlook, PendingRecord, TurnLost

Transaction = Callable[[], AbstractContextManager[Connection]]

_DELETE_EVENT: Final = delete(outbox).where(outbox.c.sequence == bindparam("of_sequence"))
_DELETE_TABLE_RECORD: Final = delete(outbox).where(
    outbox.c.topic == bindparam("of_topic"),
    outbox.c.key == bindparam("of_key"),
    ~outbox.c.is_event,
    outbox.c.sequence <= bindparam("of_sequence"),
)

# A server forgets a client that vanished with its machine only when it asks: after two hours,
# unless it is told to ask sooner. Nothing is published until then.
_ASK_SOON: Final = (
    "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
    " SET tcp_user_timeout = 10000"
)


class SqlOutboxStore:
    """Implements `OutboxStore`. Raises StoreUnavailable or StoreUnusable."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def turn(self) -> AbstractContextManager[OutboxTurn | None]:
        if self._store.engine.dialect.name == "sqlite":
            return _turn_by_file(self._store)
        return _turn_by_session(self._store)

    def outlook(self, sequences: Sequence[int]) -> Outlook:
        with self._store.reading() as connection:
            # The positions last: what is not pending any more is in them.
            wanted = select(outbox.c.sequence).where(outbox.c.sequence.in_(sequences))
            pending = frozenset(connection.execute(wanted).scalars())
            return Outlook(pending, _positions(connection))


class _Turn:
    """Implements `OutboxTurn`."""

    __slots__ = ("_reading", "_writing")

    def __init__(self, reading: Transaction, writing: Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def pending(self, *, after: int, limit: int) -> list[PendingRecord]:
        order = outbox.c.sequence
        wanted = select(outbox).where(order > after).order_by(order).limit(limit)
        with self._reading() as connection:
            return [pending_in(row) for row in connection.execute(wanted).mappings()]

    def published(self, records: Sequence[PendingRecord], positions: Mapping[str, int]) -> None:
        with self._writing() as connection:
            events = [{"of_sequence": each.sequence} for each in records if each.record.is_event]
            if events:
                connection.execute(_DELETE_EVENT, events)
            told = [
                {
                    "of_topic": each.record.topic,
                    "of_key": each.record.key,
                    "of_sequence": each.sequence,
                }
                for each in records
                if not each.record.is_event
            ]
            if told:
                connection.execute(_DELETE_TABLE_RECORD, told)
            for topic, next_offset in sorted(positions.items()):
                upsert(connection, table_positions, {"topic": topic, "next_offset": next_offset})

    def positions(self) -> dict[str, int]:
        with self._reading() as connection:
            return _positions(connection)


def _positions(connection: Connection) -> dict[str, int]:
    its = table_positions.c
    return dict(tuple(row) for row in connection.execute(select(its.topic, its.next_offset)))


@contextmanager
def _turn_by_file(store: Store) -> Generator[OutboxTurn | None]:
    """The lock of a file beside the database: the system takes it back when its process ends."""
    path = f"{_file_of(store)}-turn"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreUnusable(
            f"{path}: cannot be made ({exc.strerror}); check the permissions of its folder"
        ) from exc
    try:
        yield _Turn(store.reading, store.writing) if _has_locked(descriptor) else None
    finally:
        os.close(descriptor)


def _file_of(store: Store) -> str:
    with store.reading() as connection:
        files = connection.exec_driver_sql("SELECT name, file FROM pragma_database_list").all()
        return next(str(file) for name, file in files if name == "main")


def _has_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _turn_by_session(store: Store) -> Generator[OutboxTurn | None]:
    """A lock of the server's on a connection of its own: it goes with the connection."""
    number = {"number": lock_number(TURN_LOCK)}
    with translated(store.place), store.engine.connect() as connection:

        @contextmanager
        def reading() -> Generator[Connection]:
            with translated(store.place), connection.begin():
                yield connection

        @contextmanager
        def writing() -> Generator[Connection]:
            try:
                with reading():
                    yield connection
            except StoreUnavailable as exc:
                if connection.invalidated:
                    raise TurnLost(f"while records were published: {exc}") from exc
                raise

        with connection.begin():
            connection.exec_driver_sql(_ASK_SOON)
            wanted = text("SELECT pg_try_advisory_lock(:number)")
            has_locked = connection.execute(wanted, number).scalar_one()
        try:
            yield _Turn(reading, writing) if has_locked else None
        finally:
            if has_locked and not connection.invalidated:
                with connection.begin():
                    connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)
