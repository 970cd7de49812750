"""`python -m benchmarks.log_size 1000000`: the store's pace and answers at a size."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from sqlalchemy import Connection

from benchmarks.children import BenchmarkFailed
from benchmarks.log_copying import MOST_COPIES, copy_log
from benchmarks.log_filling import SPREAD_MS, Filling
from benchmarks.log_questions import Answer, answered, questions
from benchmarks.log_recording import recorded
from benchmarks.machine import load_average
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.stages.recorder import ENOUGH_ATTEMPTS
from tests.storage.postgres_server import NoPostgres, running_postgres

STORES: Final = ("sqlite", "postgres")
TO_REACH: Final = 6_000
"""Attempts a second."""
PACED: Final = 600
"""Attempts of a transaction at that pace."""
AFTERWARDS: Final = 60_000
"""Attempts that are written when the log has its size."""
MOST_WRITTEN: Final = 1_000_000
"""As the recorder writes them; of a larger log the database makes the rest by copying these."""
PARTS: Final = 10
SIZE: Final = 10_000_000
LEAST: Final = 10_000
MOST: Final = 20_000_000
BYTES_OF_AN_ATTEMPT: Final = 2_500
"""In the larger of the two stores, its log included; looked at before anything is written."""
_OF_EVERY_LIST: Final = ("SCALAR SUBQUERY", " again", "endpoints", "accounts", "SubPlan")
_AGO_MS: Final = SPREAD_MS + 3_600_000
"""The week that is filled ends an hour ago: what a recorder finds old it would delete."""
_MOST_LAG_MS: Final = 5_000
"""More than this, and the recorder does not keep up."""


@dataclass(slots=True)
class Written:
    """What writing has cost so far."""

    attempts: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of this process, which with SQLite is all of it."""
    slowest_seconds: float = 0.0
    """Of one transaction."""


@dataclass(slots=True)
class Log:
    """A store that is being filled."""

    store: Store
    recorder: RecorderStore
    filling: Filling

    def write(self, count: int, *, size: int) -> Written:
        """As the recorder does, `size` attempts in a transaction."""
        written = Written()
        for batch in self.filling.batches(count, size=size):
            began, cpu = time.perf_counter(), time.process_time()
            written.attempts += self.recorder.write(*batch).new_attempts
            taken = time.perf_counter() - began
            written.seconds += taken
            written.cpu_seconds += time.process_time() - cpu
            written.slowest_seconds = max(written.slowest_seconds, taken)
        return written


def main(words: list[str]) -> int:
    """Exit status 1 if a store is slower than it has to be, or cannot be had."""
    given = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, _end)  # the folder goes, however it ends
    results = [_measured(name, given) for name in given.store or STORES]
    return 0 if all(results) else 1


def _end(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _measured(name: str, given: argparse.Namespace) -> bool:
    count: int = given.attempts
    print(f"\n== {name}, {count:,} attempts (load average {load_average()})")
    try:
        with _folder(count) as folder, _opened(name, folder) as (store, url):
            _fill_and_ask(store, count, given.written)
            return _recorded(store, url, given.seconds)
    except (NoPostgres, NoRoom, BenchmarkFailed) as exc:
        print(f"not measured: {exc}")
        return False


def _fill_and_ask(store: Store, count: int, most_written: int) -> None:
    written = min(count, most_written)
    filling = Filling(SPREAD_MS / written, time.time() * 1_000 - _AGO_MS)
    log = Log(store, RecorderStore(store), filling)
    for part in range(PARTS):
        _tell_pace(
            f"{(part + 1) * written // PARTS:>12,}",
            log.write(written // PARTS, size=ENOUGH_ATTEMPTS),
        )
    if count > written:
        began = time.perf_counter()
        copy_log(store, times=count // written - 1)
        print(f"copied to {count:,}: {time.perf_counter() - began:,.0f} s", flush=True)
        _tell_pace(f"then by {ENOUGH_ATTEMPTS}", log.write(AFTERWARDS, size=ENOUGH_ATTEMPTS))
    _settle(store)
    print(f"on disk: {_bytes_of(store) / 1024**2:,.0f} MiB")
    for answer in _answers(log):
        _tell(answer)
    _tell_pace(f"then by {PACED}", log.write(min(AFTERWARDS, count), size=PACED))


def _recorded(store: Store, url: str, seconds: int) -> bool:
    """Whether a recorder kept up."""
    found = recorded(store, url, per_second=TO_REACH, seconds=seconds)
    print(
        f"recorder: {found.attempts:,} attempts that came {TO_REACH:,} a second were recorded at"
        f" {found.per_second:,.0f}/s; CPU of each {found.recorder_cpu_us:.1f} us, of the server"
        f" {found.server_cpu_us:.1f}; behind by {found.median_lag_ms:,.0f} ms (median),"
        f" {found.most_lag_ms:,.0f} (most); {found.catch_up_seconds:.1f} s to the end"
        f" (load average {load_average()})",
        flush=True,
    )
    return found.most_lag_ms <= _MOST_LAG_MS


def _answers(log: Log) -> list[Answer]:
    latest = log.filling.latest
    if latest is None:
        return []
    until_ms = int(log.filling.at_ms) + 1
    return [answered(log.store, each) for each in questions(latest, until_ms=until_ms)]


def _tell_pace(title: str, written: Written) -> None:
    pace = written.attempts / written.seconds
    cpu_us = written.cpu_seconds / written.attempts * 1e6
    print(
        f"{title}: {pace:>8,.0f} attempts/s, {cpu_us:5.1f} us CPU each,"
        f" slowest transaction {written.slowest_seconds * 1000:,.0f} ms",
        flush=True,
    )


def _tell(answer: Answer) -> None:
    print(
        f"{answer.median_ms:9.2f} ms (first {answer.first_ms:9.2f})"
        f" {answer.rows:5} rows  {answer.name}\n"
        f"{'':12}{' | '.join(filter(_is_telling, map(str.strip, answer.plan)))}",
        flush=True,
    )


def _is_telling(step: str) -> bool:
    """Whether it is not said of every list: how often triggered, and whether held."""
    return not any(name in step for name in _OF_EVERY_LIST)


class NoRoom(Exception):
    """The disk has not enough room."""


@contextmanager
def _folder(count: int) -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="log-size-"))
    try:
        free, wanted = shutil.disk_usage(folder).free, 2 * count * BYTES_OF_AN_ATTEMPT
        if free < wanted:
            raise NoRoom(f"{wanted // 1024**2:,} MiB are wanted in {folder.parent}")
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _opened(name: str, folder: Path) -> Generator[tuple[Store, str]]:
    if name == "sqlite":
        with _open(f"sqlite:///{folder / 'store.sqlite'}") as opened:
            yield opened
        return
    with running_postgres() as server, _open(server.url("postgres")) as opened:
        yield opened


@contextmanager
def _open(url: str) -> Generator[tuple[Store, str]]:
    store = open_store(url)
    try:
        yield store, url
    finally:
        store.close()


def _settle(store: Store) -> None:
    """PostgreSQL's autovacuum would do it within minutes."""
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT; SET statement_timeout = 0")
            connection.exec_driver_sql("COMMIT; ANALYZE")


def _bytes_of(store: Store) -> int:
    with store.reading() as connection:
        if store.engine.dialect.name == "postgresql":
            return _number(connection, "SELECT pg_database_size(current_database())")
        pages = _number(connection, "PRAGMA page_count")
        return pages * _number(connection, "PRAGMA page_size")


def _number(connection: Connection, statement: str) -> int:
    return int(connection.exec_driver_sql(statement).scalar_one())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log_size", description=__doc__)
    parser.add_argument(
        "attempts", type=_count, nargs="?", default=SIZE, help=f"{LEAST:,} to {MOST:,}"
    )
    parser.add_argument(
        "--written",
        type=_count,
        default=MOST_WRITTEN,
        help=f"of a larger log the rest is copied, {MOST_COPIES} times at most"
        f" (default {MOST_WRITTEN:,})",
    )
    parser.add_argument(
        "--seconds", type=int, default=60, help="of recording at the end (default 60)"
    )
    parser.add_argument("--store", action="append", choices=STORES, help="only this kind of store")
    return parser


def _count(text: str) -> int:
    number = int(text.replace("_", ""))
    if not LEAST <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{number}: give {LEAST} to {MOST}")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
