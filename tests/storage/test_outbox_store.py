"""The outbox: its order is that of the commits, and one process at a time has the turn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event

import pytest
from sqlalchemy import text

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.outbox_store import SqlOutboxStore
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.publishing import OutboxTurn, TurnLost
from pipeline.registry import OutboxRecord
from tests.storage.registry_values import a_record, an_account

_ROOT = Path(__file__).parents[2]


def _commit(store: Store, *records: OutboxRecord) -> int:
    with SqlRegistry(store).writing() as writer:
        for record in records:
            writer.publish(record)
        return writer.sequence


@contextmanager
def _turn(store: Store) -> Generator[OutboxTurn]:
    with SqlOutboxStore(store).turn() as turn:
        assert turn is not None
        yield turn


def _pending(store: Store) -> list[OutboxRecord]:
    with _turn(store) as turn:
        return [each.record for each in turn.pending(after=0, limit=1_000)]


def test_what_is_committed_is_pending_in_order_until_it_is_published(store: Store):
    records = [
        a_record("a", topic="webhooks.endpoints", needs_topic=True, delivery_topic="webhooks.d.a"),
        a_record("b", value=None),
        a_record("c", is_event=True, topic="webhooks.events"),
    ]
    last = _commit(store, *records)
    with _turn(store) as turn:
        pending = turn.pending(after=0, limit=2)
        assert [each.record for each in pending] == records[:2]
        rest = turn.pending(after=pending[-1].sequence, limit=2)
        assert [(each.record, each.sequence) for each in rest] == [(records[2], last)]
        turn.published(pending, {"webhooks.accounts": 7})
        assert turn.positions() == {"webhooks.accounts": 7}
    outlook = SqlOutboxStore(store).outlook([each.sequence for each in (*pending, *rest)])
    assert outlook == ({last}, {"webhooks.accounts": 7})
    assert _pending(store) == records[2:]


def test_no_sequence_is_used_twice(store: Store):
    first = _commit(store, a_record())
    with _turn(store) as turn:
        turn.published(turn.pending(after=0, limit=9), {})
    assert _commit(store, a_record()) > first


def test_what_is_published_supersedes_what_is_older_of_its_key_and_no_event(store: Store):
    _commit(store, a_record("a", b"1"), a_record("a", b"e1", is_event=True), a_record("b", b"1"))
    _commit(store, a_record("a", b"2"))
    with _turn(store) as turn:
        newest = turn.pending(after=0, limit=9)[-1]
        _commit(store, a_record("a", b"3"))
        turn.published([newest], {})
    assert [record.value for record in _pending(store)] == [b"e1", b"1", b"3"]


def test_positions_follow_even_where_topics_were_made_anew(store: Store):
    for offset in (100, 3):
        with _turn(store) as turn:
            turn.published([], {"t": offset, f"u{offset}": 1})
    with _turn(store) as turn:
        assert turn.positions() == {"t": 3, "u100": 1, "u3": 1}
    with SqlRegistry(store).writing() as writer:
        writer.note_positions({"t": 1})
    assert SqlOutboxStore(store).outlook([]).positions["t"] == 1


def test_the_order_of_sequences_is_the_order_of_commits(store: Store):
    """Whoever has seen a sequence never sees a lower one appear later."""
    writers, each_writes = 8, 15
    start, done = Barrier(writers + 1), Event()

    def write(number: int) -> None:
        start.wait(30)
        for count in range(each_writes):
            with SqlRegistry(store).writing() as writer:
                writer.publish(a_record(f"{number}-{count}"))
                writer.put_account(an_account(f"a{number}"))  # work between number and commit
                writer.publish(a_record(f"{number}-{count}-b"))

    def read() -> list[int]:
        start.wait(30)
        seen: list[int] = []
        while not done.is_set() or seen[-1:] != [_last(store)]:
            with _turn(store) as turn:
                found = [each.sequence for each in turn.pending(after=0, limit=1_000)]
            assert found[: len(seen)] == seen
            seen = found
        return seen

    with ThreadPoolExecutor(writers + 1) as threads:
        reading = threads.submit(read)
        list(threads.map(write, range(writers)))
        done.set()
        assert len(reading.result(60)) == writers * each_writes * 2


def _last(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(text("SELECT max(sequence) FROM outbox")).scalar_one()


def test_one_at_a_time_has_the_turn(store: Store, url: str):
    other = open_store(url)
    with _turn(store), SqlOutboxStore(other).turn() as turn:
        assert turn is None
    with SqlOutboxStore(other).turn() as turn:
        assert turn is not None
    with _turn(store):
        pass
    other.close()


@contextmanager
def _process(url: str) -> Generator[subprocess.Popen[str]]:
    """Commits one record, takes the turn, says so, and waits."""
    command = [sys.executable, "-m", "tests.storage.turn_process", url]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "has the turn\n"
            yield process
        finally:
            process.kill()


@pytest.mark.faults
def test_kill_9_between_commit_and_publishing_leaves_the_record_and_frees_the_turn(
    store: Store, url: str
):
    with _process(url) as process:
        with SqlOutboxStore(store).turn() as turn:
            assert turn is None
        process.kill()
        process.wait(30)
    free = Event()
    for _ in range(500):
        with SqlOutboxStore(store).turn() as turn:
            if turn is not None:
                assert [each.record for each in turn.pending(after=0, limit=9)] == [a_record()]
                return
        free.wait(0.02)  # PostgreSQL notices a closed connection a moment later
    pytest.fail("the turn of a dead process is not free")


def test_a_turn_whose_connection_the_server_ended_is_lost_once_it_would_publish(
    new_database_store: Store,
):
    store = new_database_store
    _commit(store, a_record())
    with _turn(store) as turn:
        pending = turn.pending(after=0, limit=9)
        with store.writing() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        with pytest.raises(TurnLost):
            turn.published(pending, {"t": 1})
    assert _pending(store) == [a_record()]
    assert SqlOutboxStore(store).outlook([]).positions == {}


@pytest.fixture
def new_database_store(postgres_url: str) -> Generator[Store]:
    opened = open_store(postgres_url)
    yield opened
    opened.close()
