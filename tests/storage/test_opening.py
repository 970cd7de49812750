from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from pipeline.adapters.storage import operating_tables, tables
from pipeline.adapters.storage.engine import Durability, Store, connected
from pipeline.adapters.storage.errors import StoreUnavailable, StoreUnusable
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.rows import AttemptRow, DeadLetterRow, DeliveryRow
from pipeline.adapters.storage.schema_version import MIGRATIONS, known_versions
from tests.storage.builders import an_attempt, partitions_of, tables_of


def test_a_new_store_is_opened_without_a_word(sqlite_url: str):
    opens = f"""
import logging
logging.basicConfig(level=logging.INFO)
from pipeline.adapters.storage.opening import open_store
open_store({sqlite_url!r}).close()
"""
    done = subprocess.run([sys.executable, "-c", opens], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_migrations_lead_to_the_tables(store: Store):
    with store.reading() as connection:
        partitions = partitions_of(connection)

        def is_lasting(name: str | None, kind: str, _: object) -> bool:
            return kind != "table" or name not in partitions

        options = {
            "version_table": "webhook_pipeline_version",
            "compare_server_default": True,
            # Partitions of `attempts` are made and dropped as days pass.
            "include_name": is_lasting,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, operating_tables.metadata) == []


def test_rows_hold_the_columns_of_their_tables_in_order():
    assert DeliveryRow._fields == tuple(tables.deliveries.c.keys())
    assert AttemptRow._fields == tuple(tables.attempts.c.keys())
    assert DeadLetterRow._fields == tuple(tables.dead_letters.c.keys())


def test_a_store_that_is_opened_again_keeps_its_rows(store: Store, url: str):
    RecorderStore(store).write([an_attempt()], [], {("attempts", 0): 7})
    before = tables_of(store)
    again = open_store(url)
    assert tables_of(again) == before
    again.close()


def test_many_that_open_a_new_store_at_once_do_not_collide(url: str):
    start = Barrier(6)

    def opened(number: int) -> int:
        start.wait(timeout=30)
        store = open_store(url)
        RecorderStore(store).write([an_attempt(delivery_id=f"dlv_{number}")], [], {})
        store.close()
        return number

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(opened, range(6))) == list(range(6))
    store = open_store(url)
    assert len(tables_of(store)["deliveries"]) == 6
    store.close()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(store: Store, url: str):
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE webhook_pipeline_version SET version_num = '9999.9998'")
    with pytest.raises(
        StoreUnusable, match=r"written by a newer version .*schema 9999.9998.*upgrade"
    ):
        open_store(url)
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM webhook_pipeline_version")
        assert found.scalar_one() == "9999.9998"


def test_a_migration_that_fails_leaves_nothing_and_can_be_repeated(url: str):
    bare = connected(url)
    with bare.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE statistics (somebody_elses INTEGER)")
    with pytest.raises(StoreUnusable, match="statistics"):
        open_store(url)
    assert inspect(bare.engine).get_table_names() == ["statistics"]
    with bare.writing() as connection:
        connection.exec_driver_sql("DROP TABLE statistics")
    bare.close()
    open_store(url).close()


def test_the_file_is_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "store.db"
    store = open_store(f"sqlite:///{path}")
    RecorderStore(store).write([an_attempt()], [], {})
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    store.close()
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)


def test_a_file_that_is_no_database_is_named_and_kept(sqlite_path: Path, sqlite_url: str):
    sqlite_path.write_text("these are notes, and a good many of them\n" * 100)
    with pytest.raises(
        StoreUnusable, match=rf"store {sqlite_path}: the file is no SQLite database"
    ):
        open_store(sqlite_url)
    assert sqlite_path.read_text().startswith("these are notes")


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path):
    with pytest.raises(StoreUnusable, match=rf"store {tmp_path}: cannot be opened .*directory"):
        open_store(f"sqlite:///{tmp_path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match=r"store .*/file/store.db: cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/file/store.db")


def test_a_read_only_store_is_refused(store_file: Path):
    store = open_store(f"sqlite:///file:{store_file}?mode=ro&uri=true")
    with pytest.raises(StoreUnusable, match="read-only"):
        RecorderStore(store).write([an_attempt()], [], {})
    store.close()


@pytest.fixture
def store_file(sqlite_path: Path, sqlite_url: str) -> Path:
    open_store(sqlite_url).close()
    return sqlite_path


def test_a_locked_store_is_unavailable_until_the_lock_goes(sqlite_path: Path, sqlite_url: str):
    store = open_store(f"{sqlite_url}?timeout=0.05")
    recorder = RecorderStore(store)
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=rf"store {sqlite_path}: it is locked"):
        recorder.write([an_attempt()], [], {("attempts", 0): 1})
    assert recorder.positions("attempts") == {}
    other.execute("ROLLBACK")
    other.close()
    assert recorder.write([an_attempt()], [], {("attempts", 0): 1}).new_attempts == 1
    store.close()


def test_a_new_store_that_stays_locked_is_unavailable(sqlite_path: Path, sqlite_url: str):
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=rf"store {sqlite_path}: it is locked"):
        open_store(f"{sqlite_url}?timeout=0.05")
    other.close()


def test_a_new_store_that_is_locked_for_a_moment_is_waited_for(sqlite_path: Path, sqlite_url: str):
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("CREATE TABLE of_another (number INTEGER)")  # without a write-ahead log
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(open_store, sqlite_url)
        with pytest.raises(TimeoutError):
            opening.result(timeout=0.5)
        other.execute("ROLLBACK")
        opening.result(timeout=30).close()
    other.close()


def test_a_full_disk_is_unavailable_and_loses_nothing(sqlite_path: Path, sqlite_url: str):
    store = open_store(sqlite_url)
    recorder = RecorderStore(store)
    recorder.write([an_attempt()], [], {("attempts", 0): 1})
    before = tables_of(store)
    with store.engine.connect() as connection:  # the one connection of the pool keeps the limit
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many = [an_attempt(delivery_id=f"dlv_many_{number}") for number in range(2_000)]
    with pytest.raises(StoreUnavailable, match=rf"store {sqlite_path}: the disk is full"):
        recorder.write(many, [], {("attempts", 0): 2_001})
    assert tables_of(store) == before
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert recorder.write(many, [], {("attempts", 0): 2_001}).new_attempts == 2_000
    store.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("mysql://me@localhost/store", "'mysql' is not supported; use sqlite"),
        ("no address", "not a URL; use sqlite"),
    ],
)
def test_an_address_that_cannot_be_a_store_says_what_one_looks_like(wrong: str, says: str):
    with pytest.raises(StoreUnusable, match=says):
        open_store(wrong)


def test_a_server_that_is_not_there_is_unavailable_and_its_password_stays_secret():
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(
        StoreUnavailable, match=r"store postgresql://me:\*\*\*@127.0.0.1:1/store"
    ) as refused:
        open_store("postgresql://me:hidden@127.0.0.1:1/store")
    assert "hidden" not in str(refused.value)


def test_a_connection_that_the_server_ends_is_unavailable_and_the_next_one_works(postgres_url: str):
    store = open_store(postgres_url.replace("postgresql://", "postgres://"))
    with (
        pytest.raises(
            StoreUnavailable, match=r"stopped the work|connection failed|cannot be reached"
        ),
        store.writing() as connection,
    ):
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    assert RecorderStore(store).write([an_attempt()], [], {}).new_attempts == 1
    store.close()


@pytest.mark.parametrize(
    ("durability", "synchronous"), [(Durability.LOG, 1), (Durability.TRUTH, 2)]
)
def test_what_is_the_truth_is_on_the_disk_before_a_transaction_ends(
    sqlite_url: str, durability: Durability, synchronous: int
):
    store = open_store(sqlite_url, durability=durability)
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == synchronous
    store.close()


def test_the_newest_known_version_is_the_one_that_migrations_lead_to():
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert [scripts.get_current_head()] == [known_versions()[-1]]
    assert {script.revision for script in scripts.walk_revisions()} == set(known_versions())


def test_a_store_that_is_up_to_date_is_opened_without_alembic(sqlite_url: str):
    open_store(sqlite_url).close()
    opens = f"""
import sys
from pipeline.adapters.storage.opening import open_store
open_store({sqlite_url!r}).close()
sys.exit("alembic" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", opens], check=True)
