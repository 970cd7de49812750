"""Accounts through the API, and what the tables are told of them."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus
from tests.api.running_api import RunningApi, all_pages, pointers, problem_of
from tests.running_pipeline import read_all

ACCOUNTS = "/v1/accounts"


def told_account(api: RunningApi, account: str) -> Account:
    """As its table says last."""
    topic = api.pipeline.topology.accounts
    told = [
        api.pipeline.codec.decode_account(value, version=offset)
        for _, offset, value in read_all(api.pipeline.bootstrap_servers, topic)
    ]
    return [each for each in told if each.id == account][-1]


def told_endpoint(api: RunningApi, endpoint: str) -> Endpoint:
    topic = api.pipeline.topology.endpoints
    told = [
        api.pipeline.codec.decode_endpoint(value, version=offset)
        for _, offset, value in read_all(api.pipeline.bootstrap_servers, topic)
    ]
    return [each for each in told if each.id == endpoint][-1]


def test_an_account_has_its_profiles_defaults_and_is_in_the_table_once_answered(api: RunningApi):
    account = f"a-{secrets.token_hex(4)}"
    made = api.operator.post(ACCOUNTS, json={"id": account})
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/accounts/{account}"
    assert made.json() == {
        "id": account,
        "name": "",
        "profile": "standard-webhooks",
        "plan": None,
        "webhooks_enabled": True,
        "owner_email": None,
    }
    assert told_account(api, account).webhooks_enabled
    assert api.operator.get(f"{ACCOUNTS}/{account}").json() == made.json()


def test_a_profile_can_have_webhooks_off_at_first(api: RunningApi):
    account = api.new_account(profile="calenso", plan="basic")
    assert api.operator.get(f"{ACCOUNTS}/{account}").json()["webhooks_enabled"] is False
    assert not told_account(api, account).webhooks_enabled


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"id": "a b"}, "/id"),
        ({"id": "x" * 65}, "/id"),
        ({"profile": "nobodys"}, "/profile"),
        ({"plan": "gold"}, "/plan"),
        ({"profile": "calenso", "plan": "gold"}, "/plan"),
        ({"owner_email": "not an address"}, "/owner_email"),
        ({"name": "line\nbreak"}, "/name"),
        ({"webhooks_enabled": 1}, "/webhooks_enabled"),
        ({"removed": True}, "/removed"),
    ],
)
def test_what_is_wrong_with_an_account_is_named(
    api: RunningApi, members: dict[str, object], pointer: str
):
    given = {"id": f"a-{secrets.token_hex(4)}", **members}
    assert pointers(api.operator.post(ACCOUNTS, json=given)) == [pointer]


def test_no_id_is_used_twice_even_of_a_removed_account(api: RunningApi):
    account = api.new_account()
    problem_of(api.operator.post(ACCOUNTS, json={"id": account}), 409)
    assert api.operator.delete(f"{ACCOUNTS}/{account}").status_code == 204
    again = problem_of(api.operator.post(ACCOUNTS, json={"id": account}), 409)
    assert "removed" in again["detail"]


def test_of_many_who_make_the_same_account_one_succeeds(api: RunningApi):
    account = f"a-{secrets.token_hex(4)}"
    with ThreadPoolExecutor(8) as threads:
        made = [threads.submit(api.operator.post, ACCOUNTS, json={"id": account}) for _ in range(8)]
    assert sorted(each.result().status_code for each in made) == [201] + [409] * 7


def test_a_patch_changes_what_it_names_and_null_brings_the_default_back(api: RunningApi):
    account = api.new_account(profile="calenso", plan="business", name="Acme")
    place = f"{ACCOUNTS}/{account}"
    patched = api.operator.patch(place, json={"webhooks_enabled": True, "plan": None})
    assert patched.json()["plan"] is None
    assert patched.json()["name"] == "Acme"
    assert told_account(api, account).webhooks_enabled
    back = api.operator.patch(place, json={"webhooks_enabled": None, "name": None})
    assert back.json()["webhooks_enabled"] is False
    assert back.json()["name"] == ""


def test_a_plan_of_another_profile_is_refused_when_the_profile_changes(api: RunningApi):
    account = api.new_account(profile="calenso", plan="business")
    place = f"{ACCOUNTS}/{account}"
    assert pointers(api.operator.patch(place, json={"profile": "twenty"})) == ["/plan"]
    changed = api.operator.patch(place, json={"profile": "twenty", "plan": None})
    assert changed.json()["profile"] == "twenty"


def test_an_id_cannot_be_changed(api: RunningApi):
    account = api.new_account()
    assert pointers(api.operator.patch(f"{ACCOUNTS}/{account}", json={"id": "other"})) == ["/id"]


def test_an_accounts_key_may_switch_its_webhooks_and_change_its_owner_alone(api: RunningApi):
    account = api.new_account()
    own = api.client(api.new_key(account=account))
    place = f"{ACCOUNTS}/{account}"
    changed = own.patch(place, json={"webhooks_enabled": False, "owner_email": "me@acme.example"})
    assert changed.json()["webhooks_enabled"] is False
    for others in ({"name": "x"}, {"plan": None}, {"profile": "twenty"}):
        problem_of(own.patch(place, json=others), 403)


def test_removing_an_account_removes_its_endpoints_relations_and_keys(api: RunningApi):
    account = api.new_account(profile="twelve-build")
    key = api.made_key(account=account)
    place = f"{ACCOUNTS}/{account}"
    made = api.operator.post(f"{place}/endpoints", json={"url": "https://hooks.example.com/"})
    assert made.status_code == 201, made.text
    endpoint = made.json()["id"]
    company = quote("c-1")
    starred = api.operator.put(f"{place}/relations/{company}", json={"star": "gold"})
    assert starred.status_code in {200, 201}, starred.text
    assert api.operator.delete(place).status_code == 204
    assert told_account(api, account).removed
    assert told_endpoint(api, endpoint).status is EndpointStatus.REMOVED
    problem_of(api.operator.get(place), 404)
    problem_of(api.operator.get(f"/v1/endpoints/{endpoint}"), 404)
    problem_of(api.client(key["key"]).get(place), 401)
    revoked = api.operator.get(f"/v1/keys/{key['id']}").json()
    assert revoked["revoked_at"] is not None
    relations = read_all(api.pipeline.bootstrap_servers, api.pipeline.topology.relations)
    told = [api.pipeline.codec.decode_relation(value, version=0) for _, _, value in relations]
    assert [each for each in told if each.account == account][-1].removed


def test_accounts_are_listed_in_pieces_without_removed_ones(api: RunningApi):
    accounts = sorted(api.new_account() for _ in range(5))
    api.operator.delete(f"{ACCOUNTS}/{accounts[2]}")
    listed = all_pages(lambda query: api.operator.get(ACCOUNTS, params=query))
    ids = [each["id"] for each in listed]
    assert ids == sorted(ids)
    assert set(accounts) - set(ids) == {accounts[2]}


def test_what_is_not_there_is_not_found(api: RunningApi):
    place = f"{ACCOUNTS}/nobody"
    problem_of(api.operator.get(place), 404)
    problem_of(api.operator.patch(place, json={}), 404)
    problem_of(api.operator.delete(place), 404)
