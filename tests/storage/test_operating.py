"""Operators, sessions and the audit log on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.sql_operating import SqlOperating
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.domain.audit import Author
from pipeline.domain.endpoint import Account
from pipeline.operating import Operator, Session
from tests.storage.registry_values import an_endpoint

ADA = Operator("ada", "$argon2id$...", 1_000)
SESSION = Session(b"hash", "ada", created_at_ms=10, seen_at_ms=10, expires_at_ms=100)
AUTHOR = Author("key_1", "api")


def test_a_session_is_found_until_it_ends(store: Store):
    operating = SqlOperating(store)
    operating.put_operator(ADA)
    assert operating.operator("ada") == ADA
    assert operating.operators() == [ADA]
    operating.add_session(SESSION)
    operating.note_seen(b"hash", 50)
    operating.note_seen(b"hash", 20)
    assert operating.session(b"hash") == replace(SESSION, seen_at_ms=50)
    operating.end_session(b"hash")
    assert operating.session(b"hash") is None


def test_sessions_that_are_over_go_with_the_next_one(store: Store):
    operating = SqlOperating(store)
    operating.add_session(SESSION)
    operating.add_session(replace(SESSION, token_hash=b"2", created_at_ms=100, expires_at_ms=200))
    assert operating.session(b"hash") is None
    assert operating.session(b"2") is not None


def test_another_password_ends_the_sessions_before(store: Store):
    operating = SqlOperating(store)
    operating.put_operator(ADA)
    operating.add_session(SESSION)
    operating.put_operator(replace(ADA, password_hash="another"))
    assert operating.session(b"hash") is None
    operating.add_session(SESSION)
    assert operating.remove_operator("ada")
    assert operating.session(b"hash") is None
    assert not operating.remove_operator("ada")


def test_a_change_and_its_entry_are_one(store: Store):
    registry, operating = SqlRegistry(store), SqlOperating(store)

    def put_and_fail() -> None:
        with registry.writing(AUTHOR) as writer:
            writer.put_account(Account("acme", "twenty"))
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        put_and_fail()
    assert operating.entries(account=None, before=None, limit=10) == []
    with registry.writing(AUTHOR) as writer:
        writer.put_account(Account("acme", "twenty"))
        writer.put_account(Account("acme", "twenty"))
        writer.put_account(Account("acme", "twenty", name="Acme"))
    found = operating.entries(account=None, before=None, limit=10)
    assert [(entry.verb, entry.kind, entry.subject, entry.account) for entry in found] == [
        ("changed", "account", "acme", "acme"),
        ("created", "account", "acme", "acme"),
    ]
    assert {(entry.who, entry.via) for entry in found} == {AUTHOR}


def test_what_nobody_asked_for_has_no_entry(store: Store):
    with SqlRegistry(store).writing() as writer:
        writer.put_account(Account("acme", "twenty"))
        writer.put_endpoint(an_endpoint())
    assert SqlOperating(store).entries(account=None, before=None, limit=10) == []


def test_of_what_is_sealed_is_told_only_that_it_changed(store: Store):
    registry, operating = SqlRegistry(store), SqlOperating(store)
    for sealed in (b"first", b"first", b"second", None):
        with registry.writing(AUTHOR) as writer:
            writer.put_endpoint(replace(an_endpoint(), sealed=sealed))
    found = operating.entries(account=None, before=None, limit=10)
    assert len(found) == 3
    text = "".join(f"{entry.before}{entry.after}" for entry in found)
    assert "first" not in text
    assert "second" not in text
    assert '"sealed":"***"' in text
    assert '"sealed":"*** (another one)"' in text


def test_entries_come_in_pages_and_by_account(store: Store):
    registry, operating = SqlRegistry(store), SqlOperating(store)
    with registry.writing(AUTHOR) as writer:
        for name in ("a", "b", "c", "d"):
            writer.put_account(Account(name, "twenty"))
    first = operating.entries(account=None, before=None, limit=3)
    rest = operating.entries(account=None, before=first[-1].sequence, limit=3)
    assert [entry.subject for entry in (*first, *rest)] == ["d", "c", "b", "a"]
    assert [one.subject for one in operating.entries(account="b", before=None, limit=9)] == ["b"]
