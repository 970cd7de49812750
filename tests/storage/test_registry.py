"""Accounts, endpoints, relations, keys, profiles and event types, on both databases alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from sqlalchemy import update

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.errors import StoreUnusable
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.adapters.storage.tables import endpoints
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.relation import Relation
from pipeline.ports import StoreFailed
from pipeline.registry import Registry
from tests.storage.registry_values import (
    FULL_ENDPOINT,
    SHARED,
    a_key,
    a_profile,
    a_record,
    an_account,
    an_answer,
    an_endpoint,
    an_event_type,
)


@pytest.fixture
def registry(store: Store) -> Registry:
    return SqlRegistry(store)


def test_an_account_is_read_as_it_was_written_and_written_over(registry: Registry):
    account = an_account()
    with registry.writing() as writer:
        assert writer.is_empty()
        writer.put_account(account)
        assert writer.account("acme") == account
    changed = replace(account, plan=None, owner_email=None, webhooks_enabled=True)
    with registry.writing() as writer:
        writer.put_account(changed)
    with registry.reading() as reader:
        assert reader.account("acme") == changed
        assert reader.account("other") is None
        assert not reader.is_empty()


@pytest.mark.parametrize("wanted", [FULL_ENDPOINT, an_endpoint()], ids=["full", "bare"])
def test_an_endpoint_is_read_as_it_was_written(registry: Registry, wanted: Endpoint):
    with registry.writing() as writer:
        writer.put_endpoint(an_endpoint(url="https://before.example"))
        writer.put_endpoint(wanted)
    with registry.reading() as reader:
        assert reader.endpoint("crm") == wanted


def test_an_endpoint_of_an_older_document_has_the_defaults_of_what_it_does_not_say(
    store: Store, registry: Registry
):
    with registry.writing() as writer:
        writer.put_endpoint(an_endpoint())
    with store.writing() as connection:
        connection.exec_driver_sql('UPDATE endpoints SET document = \'{"url":"https://a"}\'')
    with registry.reading() as reader:
        assert reader.endpoint("crm") == an_endpoint(url="https://a")


@pytest.mark.parametrize("document", ["{", '{"order": "newer"}', '{"headers": 7}'])
def test_an_endpoint_that_this_version_does_not_know_is_named(
    store: Store, registry: Registry, document: str
):
    with registry.writing() as writer:
        writer.put_endpoint(an_endpoint())
    with store.writing() as connection:
        connection.execute(update(endpoints).values(document=document))
    with pytest.raises(StoreUnusable, match="crm"), registry.reading() as reader:
        reader.endpoint("crm")


def test_what_fails_in_a_transaction_leaves_nothing(registry: Registry):
    def fail() -> None:
        with registry.writing() as writer:
            writer.put_account(an_account())
            writer.publish(a_record())
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with registry.reading() as reader:
        assert reader.is_empty()


def test_a_list_goes_on_behind_its_last_key_and_leaves_removed_ones_out(registry: Registry):
    ids = [f"a{number:02}" for number in range(25)]
    with registry.writing() as writer:
        for each in reversed(ids):
            writer.put_account(an_account(each, removed=each == "a07"))
            writer.put_endpoint(an_endpoint(f"e-{each}", account="x" if each < "a03" else "y"))
        writer.put_endpoint(an_endpoint("e-a05", account="y", status=EndpointStatus.REMOVED))
    live = [each for each in ids if each != "a07"]
    with registry.reading() as reader:
        seen: list[str] = []
        while found := reader.accounts(after=seen[-1] if seen else "", limit=10):
            assert len(found) <= 10
            seen += [account.id for account in found]
        assert seen == live
        of_y = [e.id for e in reader.endpoints(account="y", after="e-a04", limit=3)]
        assert of_y == ["e-a06", "e-a07", "e-a08"]
        everybodys = [e.id for e in reader.endpoints(account=None, after="", limit=100)]
        assert everybodys == [f"e-{each}" for each in ids if each != "a05"]
        assert reader.count_endpoints("y") == 21
        assert reader.account("a07") == an_account("a07", removed=True)
        assert set(reader.accounts_and_endpoints().accounts) == set(ids)
        assert set(reader.accounts_and_endpoints().endpoints) == {f"e-{each}" for each in ids}


def test_endpoints_with_topics_of_their_own_are_counted(registry: Registry):
    topics = {"a": SHARED, "b": "webhooks.delivery.b", "c": "zz.delivery.c", "d": SHARED}
    with registry.writing() as writer:
        for name, topic in topics.items():
            writer.put_endpoint(an_endpoint(name, topic=topic))
        gone = an_endpoint("e", topic="webhooks.delivery.e", status=EndpointStatus.REMOVED)
        writer.put_endpoint(gone)
        assert writer.count_own_topics(SHARED) == 2


def test_a_relation_is_written_with_all_its_data_and_removed_with_them(registry: Registry):
    relation = Relation("acme", "c/1", "gold", {"a": "1", "b": '{"x":null}', "c": '"c"'})
    changed = replace(relation, star=None, data={"b": "2", "c": '"c"', "d": "[]"})
    others = [Relation("acme", f"c/{n}", "green", {"k": str(n)}) for n in range(2, 6)]
    with registry.writing() as writer:
        for each in (relation, *others, Relation("other", "c/1", "black", {"a": "9"})):
            writer.put_relation(each)
        assert writer.relation("acme", "c/1") == relation
        assert writer.count_starred("acme") == 5
        writer.put_relation(changed)
    with registry.writing() as writer:
        assert writer.relation("acme", "c/1") == changed
        assert writer.count_starred("acme") == 4
        assert writer.relations("acme", after="c/1", limit=2) == others[:2]
        assert writer.relations("acme", after="", limit=50) == [changed, *others]
        assert list(writer.all_tables().relations) == [
            changed,
            *others,
            Relation("other", "c/1", "black", {"a": "9"}),
        ]
        writer.remove_relation("acme", "c/1")
        assert writer.relation("acme", "c/1") is None
        writer.put_relation(Relation("acme", "c/1"))
        assert writer.relation("acme", "c/1") == Relation("acme", "c/1")
        assert writer.relation("other", "c/1") is not None


def test_keys_are_kept_and_only_later_uses_count(registry: Registry):
    used = a_key("key_2", account=None, expires_at_ms=9, last_used_at_ms=50, revoked_at_ms=60)
    with registry.writing() as writer:
        writer.put_key(a_key())
        writer.put_key(used)
        writer.note_key_uses({"key_2": 40, "key_1": 70, "nobody": 3})
    with registry.reading() as reader:
        assert reader.key("key_2") == used
        assert reader.key("key_1") == a_key(last_used_at_ms=70)
        assert [key.id for key in reader.keys(account=None, after="", limit=9)] == [
            "key_1",
            "key_2",
        ]
        assert [key.id for key in reader.keys(account="acme", after="", limit=9)] == ["key_1"]
        assert reader.keys(account="acme", after="key_1", limit=9) == []


def test_two_keys_with_one_hash_are_refused(registry: Registry):
    with registry.writing() as writer:
        writer.put_key(a_key())
    with pytest.raises(StoreFailed), registry.writing() as writer:
        writer.put_key(a_key("key_2", hash=a_key().hash))


def test_profiles_and_event_types_are_kept_listed_and_counted(registry: Registry):
    with registry.writing() as writer:
        writer.put_profile(a_profile())
        writer.put_profile(a_profile("gone", removed=True))
        writer.put_account(an_account("a", profile="own"))
        writer.put_account(an_account("b", profile="own", removed=True))
        writer.put_endpoint(an_endpoint("e", profile="own"))
        writer.put_endpoint(an_endpoint("f", profile="own", status=EndpointStatus.REMOVED))
        for name in ("b", "a", "c"):
            writer.put_event_type(an_event_type(name))
        writer.remove_event_type("c")
    with registry.reading() as reader:
        assert reader.profiles() == [a_profile()]
        assert reader.profile("gone") == a_profile("gone", removed=True)
        assert reader.uses_of_profile("own") == 2
        assert [each.type for each in reader.event_types(after="", limit=9)] == ["a", "b"]
        assert [each.type for each in reader.event_types(after="a", limit=9)] == ["b"]
        assert reader.event_type("a") == an_event_type("a")
        assert reader.event_type("c") is None


def test_the_first_answer_under_a_key_is_kept_for_its_owner_alone(registry: Registry):
    with registry.writing() as writer:
        assert writer.keep_answer(an_answer())
        assert not writer.keep_answer(an_answer(status=500))
        assert writer.keep_answer(an_answer(owner="key_2", status=201, created_at_ms=20))
        assert writer.kept_answer("key_1", "k") == an_answer()
        writer.forget_answers(before_ms=20)
        assert writer.kept_answer("key_1", "k") is None
        assert writer.kept_answer("key_2", "k") is not None


@pytest.mark.parametrize("hostile", ["\0", "a\0b", "\ud800", "a" * 10_000, "' OR 1=1 --", "%"])
def test_any_text_can_be_asked_for_and_kept(registry: Registry, hostile: str):
    with registry.writing() as writer:
        assert writer.account(hostile) is None
        assert writer.lock_account(hostile) is None
        assert writer.endpoints(account=hostile, after=hostile, limit=1) == []
        assert writer.event_type(hostile) is None
        writer.put_account(an_account(name=hostile))
        writer.put_relation(Relation("acme", hostile, "gold", {hostile: hostile}))
    with registry.reading() as reader:
        kept = reader.relation("acme", hostile)
        assert kept is not None
        assert len(kept.data) == 1


def _create(registry: Registry, name: str, *, limit: int, start: Barrier) -> bool:
    start.wait(30)
    with registry.writing() as writer:
        writer.lock_account("acme")
        if writer.count_endpoints("acme") >= limit:
            return False
        writer.put_endpoint(an_endpoint(name))
        writer.publish(a_record(name, topic="webhooks.endpoints"))
        return True


@pytest.mark.parametrize("exists", ["an account", "no account"])
def test_a_quota_holds_under_concurrent_writers(registry: Registry, exists: str):
    if exists == "an account":
        with registry.writing() as writer:
            writer.put_account(an_account())
    start = Barrier(20)

    def create(number: int) -> bool:
        return _create(registry, f"e{number}", limit=5, start=start)

    with ThreadPoolExecutor(20) as threads:
        made = list(threads.map(create, range(20)))
    assert sum(made) == 5
    with registry.reading() as reader:
        assert reader.count_endpoints("acme") == 5
