"""Programs of two versions on one store: the newer one adds first, and takes away releases later.

A migration only adds (expand): programs of the version before go on with what they know. What
nobody uses any more is taken away (contract) by a migration of a later release, whose name says
which schema programs have to know from then on: `0012.0010_drop_old_column.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.errors import StoreUnusable
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.schema_version import (
    FIRST_SERVED,
    MIGRATIONS,
    known_versions,
    serves,
)
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.adapters.storage.store_reader import StoreReader
from tests.storage.builders import an_attempt
from tests.storage.registry_values import FULL_ENDPOINT, an_account

TAKES_AWAY = re.compile(r"^(drop_|rename_|alter_column)")
SQL_TAKES_AWAY = re.compile(r"\b(DROP|RENAME|SET\s+NOT\s+NULL|ALTER\s+COLUMN)\b", re.IGNORECASE)
NEWER = f"{int(known_versions()[-1]) + 1:04}"


def extend(store: Store) -> None:
    """What the next version's migration may do."""
    with store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE of_tomorrow (number INTEGER)")
        for table in ("deliveries", "endpoints", "accounts", "statistics", "audit_log", "outbox"):
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN tomorrow TEXT DEFAULT 'x'")
    say(store, NEWER)


def say(store: Store, version: str) -> None:
    said = text("UPDATE webhook_pipeline_version SET version_num = :version")
    with store.writing() as connection:
        connection.execute(said, {"version": version})


def work(store: Store, number: int) -> None:
    """As recorders and the API do."""
    attempt = an_attempt(delivery_id=f"dlv_{number}")
    assert RecorderStore(store).write([attempt], [], {("attempts", 0): number}).new_attempts == 1
    with SqlRegistry(store).writing() as writer:
        writer.put_account(an_account(f"a{number}"))
        writer.put_endpoint(FULL_ENDPOINT)
    with SqlRegistry(store).reading() as reader:
        assert reader.endpoint(FULL_ENDPOINT.id) == FULL_ENDPOINT
        assert reader.account(f"a{number}") == an_account(f"a{number}")
    assert StoreReader(store).delivery(f"dlv_{number}") is not None


def test_programs_go_on_while_a_newer_version_adds_to_the_store_and_can_be_started_again(
    store: Store, url: str
):
    work(store, 1)
    extend(store)
    work(store, 2)
    again = open_store(url)
    work(again, 3)
    with again.reading() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM webhook_pipeline_version")
        assert found.scalar_one() == NEWER
    again.close()


def test_a_store_that_something_was_taken_from_is_refused_by_who_needs_it(store: Store, url: str):
    version = f"{int(NEWER) + 1:04}.{NEWER}"
    say(store, version)
    with pytest.raises(StoreUnusable, match=rf"newer version .*schema {version}; .*upgrade"):
        open_store(url)


@pytest.mark.parametrize(
    ("found", "known", "does"),
    [
        ("0009", "0007", True),
        ("0009", "0008.0007", True),
        ("0012.0010", "0010", True),
        ("0012.0010", "0009", False),
        ("0013.0010", "0011", True),
        ("0009", "0006", False),
        ("0005", "0007", False),  # none that this program ever had
    ],
)
def test_a_version_says_who_can_run_on_it(found: str, known: str, does: bool):  # noqa: FBT001 - an example
    assert serves(found, known) is does


def takes_away(source: str) -> Iterator[str]:
    """Calls of a migration's `upgrade` after which an older program could not go on."""
    (upgrade,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    )
    for node in ast.walk(upgrade):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if SQL_TAKES_AWAY.search(node.value):
                yield node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if TAKES_AWAY.match(node.func.attr):
                yield node.func.attr
            elif node.func.attr == "add_column" and _is_required(node):
                yield "add_column without a default that is not nullable"


def _is_required(added: ast.Call) -> bool:
    given = {
        word.arg: word.value
        for node in ast.walk(added)
        if isinstance(node, ast.Call)
        for word in node.keywords
    }
    nullable = given.get("nullable")
    is_required = isinstance(nullable, ast.Constant) and nullable.value is False
    return is_required and "server_default" not in given


@pytest.mark.parametrize("path", sorted((MIGRATIONS / "versions").glob("[0-9]*.py")), ids=str)
def test_a_migration_only_adds_unless_its_name_says_who_can_go_on(path: Path):
    version = path.name.partition("_")[0]
    if version <= FIRST_SERVED or "." in version:
        return
    assert list(takes_away(path.read_text())) == [], f"{path.name}: call it {version}.<schema>_..."


@pytest.mark.parametrize(
    "line",
    [
        "op.drop_column('deliveries', 'subject')",
        "op.rename_table('a', 'b')",
        "op.alter_column('a', 'b', nullable=False)",
        "op.add_column('a', Column('b', Text, nullable=False))",
        "op.execute('ALTER TABLE a DROP COLUMN b')",
        "with op.batch_alter_table('a') as batch: batch.drop_column('b')",
    ],
)
def test_what_takes_away_is_recognised(line: str):
    assert list(takes_away(f"def upgrade():\n    {line}\n"))


@pytest.mark.parametrize(
    "line",
    [
        "op.create_table('a', Column('b', Text, nullable=False))",
        "op.add_column('a', Column('b', Text))",
        "op.add_column('a', Column('b', Text, nullable=False, server_default=''))",
        "op.create_index('i', 'a', ['b'])",
    ],
)
def test_what_adds_is_let_through(line: str):
    assert list(takes_away(f"def upgrade():\n    {line}\n")) == []
