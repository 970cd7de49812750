"""What people ask of the log, how long the answer takes, and along which way it is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Final, NamedTuple

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

from benchmarks.log_filling import account_of
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recent_reader import RecentReader
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.delivery_log import CountFilter, DeadLetterFilter, DeliveryFilter, Place, Status
from pipeline.domain.delivery import Attempt

PAGE: Final = 51
"""Rows that the API asks for, for a page of 50."""
TIMES: Final = 5

Ask = Callable[[StoreReader, RecentReader], Sequence[object]]
Executed = tuple[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    name: str
    ask: Ask


class Answer(NamedTuple):
    """How long it took, and the database's plan."""

    name: str
    first_ms: float
    median_ms: float
    """Of those after the first."""
    rows: int
    plan: list[str]


def questions(of: Attempt, *, until_ms: int) -> Iterator[Question]:
    """Those of the API: around one delivery, and of everything before `until_ms`."""
    hour_ms = 3_600_000
    week_ms = 168 * hour_ms
    middle = Place(until_ms - week_ms // 2, of.delivery_id)
    yield Question("one delivery by its id", lambda log, _: [log.delivery(of.delivery_id)])
    yield Question("its attempts", lambda log, _: log.attempts(of.delivery_id))
    for name, wanted in _filters(of, until_ms):
        yield _list(name, wanted)
        yield _list(f"{name}, after the middle", wanted, middle)
    for name, letters in (
        ("dead letters", DeadLetterFilter()),
        ("dead letters of an account", DeadLetterFilter(account=of.account)),
        ("dead letters of an endpoint", DeadLetterFilter(endpoint=of.endpoint)),
        ("dead letters of a reason that no one has", DeadLetterFilter(reason="gone")),
        ("dead letters of a type", DeadLetterFilter(event_type=of.event_type)),
    ):
        yield _dead_letters(name, letters)
    for name, whose, length_ms in (
        ("statistics of an endpoint, a day", CountFilter(endpoint=of.endpoint), 24 * hour_ms),
        ("statistics of an endpoint, a week", CountFilter(endpoint=of.endpoint), week_ms),
        ("statistics of an account, a week", CountFilter(account=of.account), week_ms),
        ("statistics of all, a day", CountFilter(), 24 * hour_ms),
        ("statistics of all, a week", CountFilter(), week_ms),
    ):
        yield _counted(name, whose, (until_ms - length_ms, until_ms))
    for name, whose in (("", CountFilter()), (" of an account", CountFilter(account=of.account))):
        for length, length_ms in (("a day", 24 * hour_ms), ("a week", week_ms)):
            between_ms = until_ms - length_ms, until_ms
            yield _failing(f"endpoints that fail most{name}, {length}", whose, between_ms)
    for name, account in (("", None), (" of an account", of.account)):
        letters = DeadLetterFilter(account=account)
        yield _reasons(f"reasons of the newest dead letters{name}", letters)
        yield from _recent(name, account, since_ms=until_ms - 24 * hour_ms)


def _filters(of: Attempt, until_ms: int) -> Iterator[tuple[str, DeliveryFilter]]:
    yield "everything", DeliveryFilter()
    yield "an hour", DeliveryFilter(since_ms=until_ms - 3_600_000, until_ms=until_ms)
    yield "an event", DeliveryFilter(event_id=of.event_id)
    yield "an account", DeliveryFilter(account=of.account)
    yield "an account without any", DeliveryFilter(account=account_of(10_000_000))
    yield "an endpoint", DeliveryFilter(endpoint=of.endpoint)
    for whose, among in (
        ("", DeliveryFilter()),
        (" of an account", DeliveryFilter(account=of.account)),
        (" of an endpoint", DeliveryFilter(endpoint=of.endpoint)),
    ):
        for name, wanted in _among(among, of):
            yield name + whose, wanted


def _among(whose: DeliveryFilter, of: Attempt) -> Iterator[tuple[str, DeliveryFilter]]:
    yield "a type", replace(whose, event_type=of.event_type)
    yield "an unknown type", replace(whose, event_type="no.such")
    yield "a subject", replace(whose, subject=of.subject)
    yield "an unknown subject", replace(whose, subject="nobody")
    for status in Status:
        yield status, replace(whose, status=status)
    yield "200", replace(whose, http_status=(200, 200))
    yield "4xx", replace(whose, http_status=(400, 499))
    yield "5xx", replace(whose, http_status=(500, 599))
    yield "3xx, none", replace(whose, http_status=(300, 399))
    yield "a replay's, none", replace(whose, cause="replay")


def _list(name: str, wanted: DeliveryFilter, after: Place | None = None) -> Question:
    return Question(name, lambda log, _: log.deliveries(wanted, limit=PAGE, after=after))


def _dead_letters(name: str, wanted: DeadLetterFilter) -> Question:
    return Question(name, lambda log, _: log.dead_letters(wanted, limit=PAGE))


def _counted(name: str, whose: CountFilter, between_ms: tuple[int, int]) -> Question:
    since_ms, until_ms = between_ms
    return Question(
        name, lambda log, _: log.counted(whose, since_ms=since_ms, until_ms=until_ms).hours
    )


def _failing(name: str, whose: CountFilter, between_ms: tuple[int, int]) -> Question:
    since_ms, until_ms = between_ms
    return Question(
        name,
        lambda log, _: log.failing(whose, since_ms=since_ms, until_ms=until_ms, limit=10),
    )


def _reasons(name: str, wanted: DeadLetterFilter) -> Question:
    return Question(name, lambda log, _: log.reasons(wanted, most=1_000))


def _recent(name: str, account: str | None, *, since_ms: int) -> Iterator[Question]:
    yield Question(
        f"streaks of failures{name}", lambda _, log: log.streaks(account=account, limit=50)
    )
    yield Question(
        f"how long the newest events took{name}",
        lambda _, log: log.journeys(account=account, since_ms=since_ms, limit=1_000),
    )


def answered(store: Store, question: Question) -> Answer:
    """Ask several times: the first may have to read from the disk."""
    readers = StoreReader(store), RecentReader(store)
    taken_ms: list[float] = []
    found: Sequence[object] = ()
    with _executed(store) as statements:
        for _ in range(TIMES):
            started = time.perf_counter()
            found = question.ask(*readers)
            taken_ms.append((time.perf_counter() - started) * 1000)
            if taken_ms[0] > 1_000:
                break
        plans = _plan(store, statements)
    return Answer(question.name, taken_ms[0], median(taken_ms[1:] or taken_ms), len(found), plans)


@contextmanager
def _executed(store: Store) -> Generator[list[Executed]]:
    """What is asked of the database meanwhile, each statement once."""
    seen: dict[str, tuple[object, ...]] = {}
    found: list[Executed] = []

    def listen(
        _connection: Connection,
        _cursor: DBAPICursor,
        statement: str,
        parameters: tuple[object, ...],
        _context: ExecutionContext,
        _executemany: bool,  # noqa: FBT001 - the listener's signature
    ) -> None:
        if statement.startswith("SELECT") and statement not in seen:
            seen[statement] = parameters
            found.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", listen)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", listen)


def _plan(store: Store, statements: list[Executed]) -> list[str]:
    is_sqlite = store.engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN (COSTS OFF)"
    lines: list[str] = []
    with store.reading() as connection:
        for statement, parameters in statements:
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
            lines += [str(row[-1]) for row in rows]
    return lines
