from __future__ import annotations

import json
from typing import Any

from tests.api.running_api import all_pages
from tests.console.browsing import ConsoleUnderTest

SECRET = "nobody-may-read-it-again"
SINCE = "2026-01-01T00:00:00Z"


def entries_of(console: ConsoleUnderTest, account: str) -> list[dict[str, Any]]:
    return all_pages(
        lambda query: console.api.operator.get("/v1/audit", params={**query, "account": account})
    )


def test_who_changed_what_is_told_with_before_and_after_and_no_secret(console: ConsoleUnderTest):
    account = console.api.new_account()
    made = console.api.made_key(account=account)
    auth = {"type": "bearer", "token": SECRET}
    endpoint = console.new_endpoint(account, auth=auth, max_in_flight=3)
    own = console.api.client(made["key"])
    assert own.patch(f"/v1/endpoints/{endpoint}", json={"max_in_flight": 4}).status_code == 200
    with console.operator() as operator:
        path = f"/endpoints/{endpoint}/rotate"
        assert operator.send(path, {}, csrf=operator.csrf("/")).status_code == 200
    assert own.delete(f"/v1/endpoints/{endpoint}").status_code == 204
    found = [
        (entry["who"], entry["via"], entry["action"], entry["kind"])
        for entry in entries_of(console, account)
    ]
    assert found == [
        (made["id"], "api", "removed", "endpoint"),
        ("operator", "console", "changed", "endpoint"),
        (made["id"], "api", "changed", "endpoint"),
        ("operator", "api", "created", "endpoint"),
        ("operator", "api", "created", "key"),
        ("operator", "api", "created", "account"),
    ]
    rotated, patched = entries_of(console, account)[1:3]
    assert patched["before"]["max_in_flight"] == 3
    assert patched["after"]["max_in_flight"] == 4
    assert rotated["before"]["sealed"] != rotated["after"]["sealed"], "that it changed is told"
    text = json.dumps(entries_of(console, account))
    assert SECRET not in text
    assert "whsec_" not in text
    assert made["key"] not in text


def test_what_is_done_is_told_although_nothing_in_the_store_is_other_by_it(
    console: ConsoleUnderTest,
):
    account = console.api.new_account()
    endpoint = console.new_endpoint(account)
    operator = console.api.operator
    asked: list[tuple[str, dict[str, Any], str, str | None]] = [
        (f"/v1/endpoints/{endpoint}/test", {}, "sample", endpoint),
        ("/v1/replays", {"endpoint": endpoint, "since": SINCE, "dry_run": True}, "replay", None),
        ("/v1/dead-letters/redrive", {"account": account}, "redrive", None),
        (f"/v1/accounts/{account}/console-link", {"access": "read"}, "console_link", account),
    ]
    for path, document, _, _ in asked:
        done = operator.post(path, json=document)
        assert done.status_code < 300, done.text
    found = [entry for entry in entries_of(console, account) if entry["kind"] != "account"]
    assert [entry["kind"] for entry in found[:4]] == [kind for *_, kind, _ in reversed(asked)]
    for entry, (*_, subject) in zip(found, reversed(asked), strict=False):
        assert entry["subject"] == subject or (subject is None and entry["subject"])
    assert found[2]["after"]["endpoint"] == endpoint
    assert found[2]["after"]["dry_run"] is True


def test_what_is_refused_is_no_change(console: ConsoleUnderTest):
    account = console.api.new_account()
    before = entries_of(console, account)
    refused = console.api.operator.post(f"/v1/accounts/{account}/endpoints", json={"url": "no"})
    assert refused.status_code == 422
    same = console.api.operator.patch(f"/v1/accounts/{account}", json={})
    assert same.status_code == 200
    assert entries_of(console, account) == before


def test_an_account_is_told_of_its_own_changes_alone(console: ConsoleUnderTest):
    own, others = console.api.new_account(), console.api.new_account()
    client = console.api.client(console.api.new_key(account=own))
    found = client.get("/v1/audit").json()["items"]
    assert {entry["account"] for entry in found} == {own}
    assert client.get(f"/v1/audit?account={others}").status_code == 404
    assert client.get("/v1/audit?cursor=bm8").status_code == 422


def test_changes_of_event_types_profiles_and_relations_are_told(console: ConsoleUnderTest):
    account = console.api.new_account(profile="twelve-build")
    operator, name = console.api.operator, f"p-{account}"
    described: dict[str, Any] = {"type": f"audited.{account}", "description": "x", "sample": {}}
    made = operator.post("/v1/event-types", json=described)
    assert made.status_code == 201, made.text
    assert operator.delete(f"/v1/event-types/{described['type']}").status_code == 204
    profile = {"name": name, "description": "x", "formats": {"bare": {"template": "$.event.data"}}}
    assert operator.post("/v1/profiles", json=profile).status_code == 201
    assert operator.delete(f"/v1/profiles/{name}").status_code == 204
    relation = f"/v1/accounts/{account}/relations/c1"
    assert operator.put(relation, json={"star": "green"}).status_code in {200, 201}
    assert operator.put(relation, json={"star": "gold"}).status_code == 200
    assert operator.delete(relation).status_code == 204
    found = [
        (entry["kind"], entry["subject"], entry["action"])
        for entry in operator.get("/v1/audit?limit=7").json()["items"]
    ]
    subject = f"{account}/c1"
    assert found == [
        ("relation", subject, "removed"),
        ("relation", subject, "changed"),
        ("relation", subject, "created"),
        ("profile", name, "removed"),
        ("profile", name, "created"),
        ("event_type", described["type"], "removed"),
        ("event_type", described["type"], "created"),
    ]
