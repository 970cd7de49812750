"""Profiles: those that ship, and an operator's own."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.api.running_api import RunningApi, all_pages, pointers, problem_of
from tests.running_pipeline import read_all

PROFILES = "/v1/profiles"
SHIPPED = [
    *("calenso", "cloudevents", "standard-webhooks", "timekit"),
    *("twelve-build", "twelve-twenty", "twenty"),
]


def document(**members: Any) -> dict[str, Any]:
    return {
        "name": f"p-{secrets.token_hex(4)}",
        "formats": {"bare": {"template": "$.event.data"}},
        **members,
    }


def told_documents(api: RunningApi, name: str) -> list[bool]:
    """Whether the profile was removed, by each of its table's records."""
    topic = api.pipeline.topology.profiles
    told = [
        api.pipeline.codec.decode_profile(value, version=offset)
        for _, offset, value in read_all(api.pipeline.bootstrap_servers, topic)
    ]
    return [each.removed for each in told if each.name == name]


def test_the_shipped_ones_are_listed_and_nobody_changes_them(api: RunningApi):
    listed = all_pages(lambda query: api.operator.get(PROFILES, params=query))
    assert [each["name"] for each in listed if each["shipped"]] == SHIPPED
    twenty = api.operator.get(f"{PROFILES}/twenty").json()
    assert twenty["document"]["name"] == "twenty"
    assert twenty["created_at"] is None
    given = {**twenty["document"], "description": "mine"}
    problem_of(api.operator.put(f"{PROFILES}/twenty", json=given), 409)
    problem_of(api.operator.delete(f"{PROFILES}/twenty"), 409)
    problem_of(api.operator.post(PROFILES, json=given), 409)


def test_a_shipped_document_can_be_the_beginning_of_ones_own(api: RunningApi):
    for name in SHIPPED:
        shipped = api.operator.get(f"{PROFILES}/{name}").json()["document"]
        own = {**shipped, "name": f"p-{secrets.token_hex(4)}"}
        made = api.operator.post(PROFILES, json=own)
        assert made.status_code == 201, made.text
        assert made.json()["document"] == own


def test_ones_own_is_made_used_replaced_and_removed(api: RunningApi):
    given = document(description="first")
    name = given["name"]
    made = api.operator.post(PROFILES, json=given)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{PROFILES}/{name}"
    assert made.json()["shipped"] is False
    account = api.new_account(profile=name)
    problem_of(api.operator.delete(f"{PROFILES}/{name}"), 409)
    replaced = api.operator.put(f"{PROFILES}/{name}", json={**given, "description": "second"})
    assert replaced.json()["document"]["description"] == "second"
    assert replaced.json()["created_at"] == made.json()["created_at"]
    assert api.operator.delete(f"/v1/accounts/{account}").status_code == 204
    assert api.operator.delete(f"{PROFILES}/{name}").status_code == 204
    problem_of(api.operator.get(f"{PROFILES}/{name}"), 404)
    assert told_documents(api, name) == [False, False, True]


def test_a_removed_one_can_be_defined_again(api: RunningApi):
    given = document()
    for _ in range(2):
        assert api.operator.post(PROFILES, json=given).status_code == 201
        assert api.operator.delete(f"{PROFILES}/{given['name']}").status_code == 204


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"formats": {}}, "/formats"),
        ({"timeout": "2h"}, "/timeout"),
        ({"formats": {"bare": {"template": "$.nothing.there"}}}, "/formats/bare/template"),
        ({"name": "not a name"}, "/name"),
        ({"description": "x" * 300_000}, ""),
    ],
)
def test_what_is_wrong_with_a_profile_is_named(
    api: RunningApi, members: dict[str, Any], pointer: str
):
    assert pointers(api.operator.post(PROFILES, json=document(**members))) == [pointer]


def test_a_number_beyond_all_bounds_is_refused(api: RunningApi):
    answer = api.operator.post(
        PROFILES,
        content=b'{"name":"p-x","formats":{"bare":{"template":{"n":1e999}}}}',
        headers={"Content-Type": "application/json"},
    )
    assert pointers(answer) == [""]


def test_another_name_in_the_document_than_in_the_path_is_refused(api: RunningApi):
    given = document()
    api.operator.post(PROFILES, json=given)
    other = {**given, "name": "p-other"}
    assert pointers(api.operator.put(f"{PROFILES}/{given['name']}", json=other)) == ["/name"]


def test_what_is_not_there_is_not_found(api: RunningApi):
    problem_of(api.operator.get(f"{PROFILES}/nobodys"), 404)
    problem_of(api.operator.put(f"{PROFILES}/p-none", json=document(name="p-none")), 404)
    problem_of(api.operator.delete(f"{PROFILES}/nobodys"), 404)


def test_one_is_not_replaced_by_what_those_who_have_it_do_not_fit(api: RunningApi):
    given = document(
        plans={"small": 3},
        event_types={"open": False, "known": [{"type": "made"}, {"type": "gone"}]},
    )
    name = given["name"]
    assert api.operator.post(PROFILES, json=given).status_code == 201
    account = api.new_account(profile=name, plan="small")
    made = api.operator.post(
        f"/v1/accounts/{account}/endpoints",
        json={"url": "https://hooks.example.com/", "event_types": ["gone"]},
    )
    assert made.status_code == 201, made.text
    unfit = {
        "/plans": {**given, "plans": {"large": 9}},
        "": {**given, "event_types": {"open": False, "known": [{"type": "made"}]}},
    }
    for pointer, document_ in unfit.items():
        answer = api.operator.put(f"{PROFILES}/{name}", json=document_)
        assert pointers(answer) == [pointer], answer.text
        problem = problem_of(answer, 422)["errors"][0]["detail"]
        assert (account if pointer else made.json()["id"]) in problem
    signed = api.operator.get(f"{PROFILES}/twenty").json()["document"]["signature"]
    answer = api.operator.put(f"{PROFILES}/{name}", json={**given, "signature": signed})
    assert "no secret" in problem_of(answer, 422)["errors"][0]["detail"]
    wider = {**given, "event_types": {"open": True}}
    assert api.operator.put(f"{PROFILES}/{name}", json=wider).status_code == 200
