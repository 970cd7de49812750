"""What is asked of accounts, endpoints and relations is read along an index, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.outbox_store import SqlOutboxStore
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.registry import RegistryReader
from tests.storage.registry_values import SHARED, an_account, an_endpoint

Ask = Callable[[RegistryReader], object]
Asked = list[tuple[str, Any]]

QUESTIONS: dict[str, Ask] = {
    "account": lambda r: r.account("a"),
    "accounts": lambda r: r.accounts(after="a", limit=9),
    "endpoint": lambda r: r.endpoint("e"),
    "endpoints of an account": lambda r: r.endpoints(account="a", after="e", limit=9),
    "endpoints": lambda r: r.endpoints(account=None, after="e", limit=9),
    "count of endpoints": lambda r: r.count_endpoints("a"),
    "count of own topics": lambda r: r.count_own_topics(SHARED),
    "relation": lambda r: r.relation("a", "c"),
    "relations": lambda r: r.relations("a", after="c", limit=9),
    "count of stars": lambda r: r.count_starred("a"),
    "keys of an account": lambda r: r.keys(account="a", after="k", limit=9),
    "keys": lambda r: r.keys(account=None, after="k", limit=9),
    "key": lambda r: r.key("k"),
    "uses of a profile": lambda r: r.uses_of_profile("p"),
    "event types": lambda r: r.event_types(after="t", limit=9),
}


def _asked(store: Store, ask: Callable[[], object]) -> Asked:
    seen: Asked = []

    def listen(
        _connection: Connection,
        _cursor: DBAPICursor,
        statement: str,
        parameters: object,
        _context: ExecutionContext,
        _executemany: bool,  # noqa: FBT001 - the listener's signature
    ) -> None:
        if statement.startswith(("SELECT", "DELETE")):
            seen.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", listen)
    ask()
    event.remove(store.engine, "before_cursor_execute", listen)
    return seen


def _plan(store: Store, asked: Asked) -> list[str]:
    """The steps; whoever plans is told that reading a whole table is dear."""
    connection = store.engine.raw_connection()
    cursor = connection.cursor()
    steps: list[str] = []
    is_sqlite = store.engine.dialect.name == "sqlite"
    if not is_sqlite:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    for statement, parameters in asked:
        how = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
        cursor.execute(how + statement, parameters)
        steps += [str(row[-1]) for row in cursor.fetchall()]
    connection.close()
    return steps


def _reads_all(step: str) -> bool:
    is_whole = step.startswith("SCAN") and "USING" not in step
    return (
        is_whole or "Seq Scan" in step or "TEMP B-TREE" in step or step.strip().startswith("Sort")
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_found_along_an_index(store: Store, question: str):
    registry = SqlRegistry(store)
    with registry.writing() as writer:
        writer.put_account(an_account())
        writer.put_endpoint(an_endpoint())

    def ask() -> None:
        with registry.reading() as reader:
            QUESTIONS[question](reader)

    asked = _asked(store, ask)
    assert asked
    assert [step for step in _plan(store, asked) if _reads_all(step)] == []


def test_what_is_pending_is_found_along_an_index_and_so_is_what_was_published(store: Store):
    from_outbox: Asked = []

    def ask() -> None:
        with SqlOutboxStore(store).turn() as turn:
            assert turn is not None
            turn.pending(after=3, limit=9)
        SqlOutboxStore(store).outlook([1, 2])

    from_outbox = [each for each in _asked(store, ask) if "FROM outbox" in each[0]]
    assert len(from_outbox) == 2
    assert [step for step in _plan(store, from_outbox) if _reads_all(step)] == []


def test_a_plan_that_reads_a_whole_table_would_be_seen(store: Store):
    whole: Asked = [("SELECT * FROM accounts WHERE owner_email = 'x'", ())]
    assert [step for step in _plan(store, whole) if _reads_all(step)] != []
