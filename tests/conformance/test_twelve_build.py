"""12Build: what its document promises, from the API to a receiver."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.running_api import pointers
from tests.conformance.systems import TIME, Systems, a_path, created, done
from tests.receiver import Request
from tests.running_pipeline import eventually

PROFILE = "twelve-build"
OBJECTS = ["Company", "CompanyRelation", "CompanyRelationData", "Document", "Message"]
ACTIONS = ["created", "updated", "deleted"]
CHANGES = [
    ("created", '{"id":1,"star":"gold"}', "null"),
    ("updated", '{"id":1,"star":"gold"}', '{"id":1,"n":1.50}'),
    ("deleted", "null", '{"id":1,"star":"gold"}'),
]
EVERYONE = "*"


def relation(account: str, company: str, *rest: str) -> str:
    return "/".join([f"/v1/accounts/{account}/relations/{company}", *rest])


def mark(systems: Systems, account: str, company: str, star: str | None) -> None:
    at = relation(account, company)
    done(systems.api.operator.put(at, json={"star": star}))


def company_event(systems: Systems, account: str, company: str, current: str) -> None:
    """An update of a company; `current` tells it from others."""
    data = f'{{"current":{current},"previous":null}}'
    systems.publish(account, "Company.updated", data, subject=f"company/{company}")


def told(requests: list[Request]) -> list[tuple[str, Any, Any]]:
    """Object and action, data now and before."""
    bodies = [json.loads(request.body) for request in requests]
    return [
        (f"{body['object']}.{body['action']}", body["current"], body["previous"]) for body in bodies
    ]


@pytest.mark.parametrize("changed", OBJECTS)
def test_the_body_says_what_happened_to_which_object_and_how_it_is_now_and_was(
    systems: Systems, changed: str
):
    account = systems.api.new_account(profile=PROFILE)
    owner = systems.key_of(account)
    mark(systems, account, "7", "gold")
    cases: dict[str, str] = {}
    for action, current, previous in CHANGES:
        path = a_path()
        url, types = systems.plain.url(path), [f"{changed}.{action}"]
        endpoint = created(owner, account, url=url, event_types=types)
        data = f'{{"current":{current},"previous":{previous}}}'
        systems.publish(account, types[0], data, subject="company/7")
        cases[path] = (
            f'{{"webhookId":"{endpoint["id"]}","action":"{action}","object":"{changed}",'
            f'"timestamp":"{TIME}","current":{current},"previous":{previous}}}'
        )
    for path, body in cases.items():
        assert systems.one(path).body.decode() == body


def test_nothing_outside_of_the_chosen_objects_and_actions_is_sent(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    mark(systems, account, "7", "gold")
    chosen = ["Company.created", "Company.updated", "Document.deleted"]
    systems.endpoint(account, path, event_types=chosen, order="strict")
    data = '{"current":{"star":"gold"},"previous":{"star":"gold"}}'
    every = [f"{changed}.{action}" for changed in OBJECTS for action in ACTIONS]
    for event_type in every:
        systems.publish(account, event_type, data, subject="company/7")
    systems.publish(account, "Company.created", data, subject="company/7")
    requests = systems.plain.wait_for(4, path=path)
    assert [each for each, _, _ in told(requests)] == [*chosen, "Company.created"]


@pytest.mark.parametrize("star", ["green", "gold", "black"])
def test_a_star_lets_the_next_event_through_and_its_removal_ends_that(systems: Systems, star: str):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    systems.endpoint(account, path, event_types=["Company.*"], order="strict")
    for number, mark_of_now in enumerate([None, star, None, star, None, star]):
        if number:
            systems.wait_until_routed()
            mark(systems, account, "7", mark_of_now)
        if number == 4:
            # A star on another company changes nothing about this one.
            mark(systems, account, "8", star)
        company_event(systems, account, "7", str(number))
    requests = systems.plain.wait_for(3, path=path)
    assert [current for _, current, _ in told(requests)] == [1, 3, 5]


def test_an_event_for_everyone_goes_to_each_account_of_the_profile_with_a_star(systems: Systems):
    company = a_path().strip("/")
    stars = {"gold": a_path(), "none": a_path(), "unrelated": a_path(), "twenty": a_path()}
    accounts = {
        name: systems.api.new_account(profile="twenty" if name == "twenty" else PROFILE)
        for name in stars
    }
    second = a_path()
    for name, path in stars.items():
        systems.endpoint(accounts[name], path)
    other = systems.api.new_account(profile=PROFILE)
    systems.endpoint(other, second)
    mark(systems, other, company, "black")
    mark(systems, accounts["gold"], company, "gold")
    mark(systems, accounts["none"], company, None)
    company_event(systems, EVERYONE, company, "1")
    for path in (stars["gold"], second):
        eventually(lambda path=path: ("Company.updated", 1, None) in told(systems.plain.to(path)))
    # What was decided in one go has been sent in one go: give the others a later event of theirs.
    mark(systems, accounts["none"], company, "green")
    company_event(systems, EVERYONE, company, "2")
    eventually(lambda: ("Company.updated", 2, None) in told(systems.plain.to(stars["none"])))
    seen = {name: told(systems.plain.to(path)) for name, path in stars.items()}
    assert ("Company.updated", 1, None) not in seen["none"]
    assert seen["unrelated"] == seen["twenty"] == []


def test_the_removal_of_a_star_is_told(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    systems.endpoint(account, path, event_types=["CompanyRelation.*"], order="strict")
    owner, at = systems.key_of(account), relation(account, "7")
    # Without a star neither its making nor its end is told.
    done(owner.put(at, json={"star": None}))
    done(owner.delete(at))
    for star in ("gold", None, None, "black"):
        done(owner.put(at, json={"star": star}))
    done(owner.delete(at))
    gold, none, black = ({"company": "7", "star": star} for star in ("gold", None, "black"))
    assert told(systems.plain.wait_for(4, path=path)) == [
        ("CompanyRelation.created", gold, None),
        ("CompanyRelation.updated", none, gold),
        ("CompanyRelation.updated", black, none),
        ("CompanyRelation.deleted", None, black),
    ]


def test_relational_data_are_changed_by_four_operations_and_each_change_is_told(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    systems.endpoint(account, path, event_types=["CompanyRelationData.*"], order="strict")
    owner = systems.key_of(account)
    mark(systems, account, "7", "gold")
    at = relation(account, "7", "data")
    done(owner.post(at, json={"key": "note", "value": {"a": [1, None]}}))
    done(owner.patch(f"{at}/note", json={"value": "b"}))
    (shown,) = done(owner.get(f"/v1/accounts/{account}/relations")).json()["items"]
    assert shown == {"company": "7", "star": "gold", "data": {"note": "b"}}
    done(owner.delete(f"{at}/note"))
    entry = {"company": "7", "star": "gold", "key": "note"}
    first, second = {**entry, "value": {"a": [1, None]}}, {**entry, "value": "b"}
    assert told(systems.plain.wait_for(3, path=path)) == [
        ("CompanyRelationData.created", first, None),
        ("CompanyRelationData.updated", second, first),
        ("CompanyRelationData.deleted", None, second),
    ]
    document = systems.api.http.get("/openapi.json").text
    for name in ("getRelations", "addRelationData", "removeRelationData", "updateRelationData"):
        assert f'"operationId": "{name}"' in document


def test_an_event_that_names_no_company_is_refused_by_the_api(systems: Systems):
    account = systems.api.new_account(profile=PROFILE)
    data = {"current": {"star": "gold"}, "previous": None}
    for changed in OBJECTS:
        event = {"account": account, "type": f"{changed}.created", "data": data}
        for subject in (None, "person/7", "company/"):
            given = event if subject is None else {**event, "subject": subject}
            refused = systems.api.operator.post("/v1/events", json=given)
            assert pointers(refused) == ["/subject"], (changed, subject)


def test_an_event_from_kafka_that_names_no_company_becomes_a_dead_letter(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    endpoint = systems.endpoint(account, path)
    data = {"current": {"star": "gold"}, "previous": None}
    systems.api.pipeline.publish(
        [{"account": account, "type": "Company.created", "id": f"{account}-1", "data": data}]
    )
    letter = systems.dead_event(endpoint["id"])
    assert letter.reason == "no_subject"
    assert account.encode() in (letter.raw or b"")
    assert systems.plain.to(path) == []
