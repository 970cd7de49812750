"""All that the store says, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from pipeline.adapters.storage import whole_registry
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.sql_operating import SqlOperating
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.adapters.storage.whole_registry import WholeRegistry
from pipeline.domain.relation import Relation
from pipeline.operating import Operator
from tests.storage.registry_values import (
    FULL_ENDPOINT,
    a_key,
    a_profile,
    an_account,
    an_endpoint,
    an_event_type,
)


def test_everything_is_read_in_an_order_in_which_it_can_be_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(whole_registry, "_TOGETHER", 2)  # so that there are several pages
    accounts = [an_account(), an_account("gone", removed=True), an_account("shop")]
    relations = [Relation("acme", f"c/{number}", None, {"k": "1"}) for number in range(3)]
    relations.append(Relation("shop", "c/0", "gold"))
    ada = Operator("ada", "hash", 1)
    with SqlRegistry(store).writing() as writer:
        for account in accounts:
            writer.put_account(account)
        for endpoint in (FULL_ENDPOINT, an_endpoint("a"), an_endpoint("b")):
            writer.put_endpoint(endpoint)
        for relation in relations:
            writer.put_relation(relation)
        writer.put_key(a_key())
        writer.put_profile(a_profile(removed=True))
        writer.put_event_type(an_event_type())
    SqlOperating(store).put_operator(ada)
    with WholeRegistry(store).entries() as entries:
        found = list(entries)
    assert found == [
        *(a_profile(removed=True), an_event_type(), *accounts),
        *(an_endpoint("a"), an_endpoint("b"), FULL_ENDPOINT),
        *(*relations, a_key(), ada),
    ]
