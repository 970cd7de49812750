"""Relations by the API: stars, data, and the events that tell of every change."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pytest

from pipeline.domain.relation import Relation
from pipeline.domain.relation_document import MAX_DATA_BYTES, MAX_ENTRIES, MAX_VALUE_BYTES
from pipeline.registry import Access
from tests.api.resource_api import ResourceApi, resource_api
from tests.kafka_broker import SessionBroker

LIMIT = 3_000


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResourceApi]:
    with resource_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def account(api: ResourceApi) -> str:
    return api.account("twelve-build")


def at(account: str, *steps: str) -> str:
    return "/".join((f"/v1/accounts/{account}/relations", *steps))


def mark(api: ResourceApi, account: str, company: str, star: str | None) -> int:
    return api.ask("PUT", at(account, company), {"star": star}).status


def told_events(api: ResourceApi, account: str) -> list[tuple[str, str | None, object]]:
    return [(event.type, event.subject, json.loads(event.data)) for event in api.events(account)]


def test_a_star_is_stored_told_to_the_table_and_told_as_an_event(api: ResourceApi, account: str):
    made = api.ask("PUT", at(account, "4711"), {"star": "gold"})
    assert (made.status, made.body) == (201, {"company": "4711", "star": "gold", "data": {}})
    changed = api.ask("PUT", at(account, "4711"), {"star": "black"})
    assert (changed.status, changed.body["star"]) == (200, "black")
    assert mark(api, account, "4711", "black") == 200
    assert api.ask("DELETE", at(account, "4711")).status == 204
    assert api.ask("DELETE", at(account, "4711")).status == 404
    gold, black = {"company": "4711", "star": "gold"}, {"company": "4711", "star": "black"}
    assert told_events(api, account) == [
        ("CompanyRelation.created", "company/4711", {"current": gold, "previous": None}),
        ("CompanyRelation.updated", "company/4711", {"current": black, "previous": gold}),
        ("CompanyRelation.deleted", "company/4711", {"current": None, "previous": black}),
    ]
    told = [(one.star, one.removed) for one in api.told_relations(account)]
    assert told == [("gold", False), ("black", False), ("black", True)]
    with api.registry.reading() as reader:
        assert reader.relation(account, "4711") is None


def test_data_are_kept_with_a_relation_and_every_change_is_told(api: ResourceApi, account: str):
    mark(api, account, "7", "green")
    added = api.ask("POST", at(account, "7", "data"), {"key": "note", "value": {"a": [1, None]}})
    assert (added.status, added.body["data"]) == (201, {"note": {"a": [1, None]}})
    twice = api.ask("POST", at(account, "7", "data"), {"key": "note", "value": 1})
    assert twice.status == 409
    changed = api.ask("PATCH", at(account, "7", "data", "note"), {"value": {"b": 2}})
    assert (changed.status, changed.body["data"]) == (200, {"note": {"b": 2}})
    assert api.ask("PATCH", at(account, "7", "data", "note"), {"value": {"b": 2}}).status == 200
    assert api.ask("DELETE", at(account, "7", "data", "note")).status == 204
    for method, body in (("DELETE", None), ("PATCH", {"value": 1})):
        assert api.ask(method, at(account, "7", "data", "note"), body).status == 404
    entry = {"company": "7", "star": "green", "key": "note"}
    first, second = {**entry, "value": {"a": [1, None]}}, {**entry, "value": {"b": 2}}
    assert told_events(api, account)[1:] == [
        ("CompanyRelationData.created", "company/7", {"current": first, "previous": None}),
        ("CompanyRelationData.updated", "company/7", {"current": second, "previous": first}),
        ("CompanyRelationData.deleted", "company/7", {"current": None, "previous": second}),
    ]
    # Routing needs to know of the star alone.
    assert [one.star for one in api.told_relations(account)] == ["green"]


def test_what_goes_with_a_relation_is_told_first(api: ResourceApi, account: str):
    mark(api, account, "8", "gold")
    for key in ("a", "b"):
        api.ask("POST", at(account, "8", "data"), {"key": key, "value": key})
    assert api.ask("DELETE", at(account, "8")).status == 204
    assert [kind for kind, _, _ in told_events(api, account)][-3:] == [
        "CompanyRelationData.deleted",
        "CompanyRelationData.deleted",
        "CompanyRelation.deleted",
    ]
    assert mark(api, account, "8", None) == 201
    assert api.ask("GET", at(account)).body["items"] == [{"company": "8", "star": None, "data": {}}]


def test_relations_are_listed_in_pieces(api: ResourceApi, account: str):
    companies = ["10", "9", "a b", "ä", "x:y"]
    for company in companies:
        assert mark(api, account, _quoted(company), "gold") == 201
    other = api.account("twelve-build")
    mark(api, other, "elsewhere", "gold")
    key = api.key(account, Access.READ)
    first = api.ask("GET", at(account) + "?limit=3", key=key).body
    rest = api.ask("GET", f"{at(account)}?limit=3&cursor={first['next']}", key=key).body
    found = [item["company"] for item in (*first["items"], *rest["items"])]
    assert (found, rest["next"]) == (sorted(companies), None)


def _quoted(company: str) -> str:
    return "".join(
        each if each.isascii() and each.isalnum() else "".join(f"%{b:02X}" for b in each.encode())
        for each in company
    )


@pytest.mark.parametrize(
    ("request_line", "document", "pointer"),
    [
        (("PUT", ("1",)), {"star": "red"}, "/star"),
        (("PUT", ("1",)), {}, "/star"),
        (("PUT", ("1",)), {"star": "gold", "stars": 1}, "/stars"),
        (("PUT", ("x" * 257,)), {"star": "gold"}, "#path/company"),
        (("PUT", ("a%0Ab",)), {"star": "gold"}, "#path/company"),
        (("POST", ("7", "data")), {"key": "a b", "value": 1}, "/key"),
        (("POST", ("7", "data")), {"key": "a" * 65, "value": 1}, "/key"),
        (("POST", ("7", "data")), {"key": "a"}, "/value"),
        (("POST", ("7", "data")), {"key": "a", "value": "x" * MAX_VALUE_BYTES}, "/value"),
        (("PATCH", ("7", "data", "k")), {"value": "ä" * (MAX_VALUE_BYTES // 2)}, "/value"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    api: ResourceApi,
    account: str,
    request_line: tuple[str, tuple[str, ...]],
    document: object,
    pointer: str,
):
    mark(api, account, "7", "green")
    api.ask("POST", at(account, "7", "data"), {"key": "k", "value": 0})
    before = told_events(api, account)
    method, steps = request_line
    assert api.ask(method, at(account, *steps), document).pointers == [pointer]
    assert told_events(api, account) == before


def test_an_account_keeps_a_bounded_amount_with_a_relation(api: ResourceApi, account: str):
    mark(api, account, "7", "green")
    path = at(account, "7", "data")
    large = "x" * (MAX_VALUE_BYTES - 2)
    fits = MAX_DATA_BYTES // MAX_VALUE_BYTES
    for number in range(fits):
        assert api.ask("POST", path, {"key": f"l{number}", "value": large}).status == 201
    assert api.ask("POST", path, {"key": "more", "value": 1}).pointers == ["/value"]
    for number in range(fits):
        api.ask("PATCH", f"{path}/l{number}", {"value": 0})
    for number in range(MAX_ENTRIES - fits):
        assert api.ask("POST", path, {"key": f"s{number}", "value": 0}).status == 201
    assert api.ask("POST", path, {"key": "more", "value": 1}).pointers == ["/key"]


def test_at_most_3000_companies_have_a_star_however_many_are_asked_for_at_once(api: ResourceApi):
    account = api.account("twelve-build")
    with api.registry.writing() as writer:
        for number in range(LIMIT - 3):
            writer.put_relation(Relation(account, f"c{number}", star="gold"))
    with ThreadPoolExecutor(10) as threads:
        companies = [f"new{number}" for number in range(10)]
        statuses = list(threads.map(mark, repeat(api), repeat(account), companies, repeat("gold")))
    assert sorted(statuses) == [*([201] * 3), *([403] * 7)]
    refused = api.ask("PUT", at(account, "one-more"), {"star": "black"})
    assert (refused.body["type"], "3000" in refused.body["detail"]) == ("quota", True)
    # One without a star does not count, another star for the same company neither.
    assert mark(api, account, "one-more", None) == 201
    assert mark(api, account, "one-more", "gold") == 403
    assert mark(api, account, "c0", "black") == 200
    assert mark(api, account, "c0", None) == 200
    assert mark(api, account, "one-more", "gold") == 200


def test_only_accounts_of_a_profile_with_relations_have_them(api: ResourceApi):
    account = api.account("calenso")
    for method, path, body in (
        ("GET", at(account), None),
        ("PUT", at(account, "1"), {"star": "gold"}),
        ("DELETE", at(account, "1"), None),
        ("POST", at(account, "1", "data"), {"key": "a", "value": 1}),
    ):
        refused = api.ask(method, path, body)
        assert (refused.status, "calenso" in refused.body["detail"]) == (404, True)


def test_an_account_sees_and_changes_its_own_relations_alone(api: ResourceApi, account: str):
    other = api.account("twelve-build")
    mark(api, other, "1", "gold")
    key, reading = api.key(account), api.key(account, Access.READ)
    requests = (
        ("PUT", ("1",), {"star": "gold"}, 201),
        ("POST", ("1", "data"), {"key": "a", "value": 1}, 201),
        ("PATCH", ("1", "data", "a"), {"value": 2}, 200),
        ("DELETE", ("1", "data", "a"), None, 204),
        ("DELETE", ("1",), None, 204),
    )
    for method, steps, body, status in requests:
        assert api.ask(method, at(other, *steps), body, key=key).status == 404
        assert api.ask(method, at(account, *steps), body, key=None).status == 401
        assert api.ask(method, at(account, *steps), body, key=reading).status == 403
        assert api.ask(method, at(account, *steps), body, key=key).status == status
    assert api.ask("GET", at(other), key=key).status == 404
    assert len(told_events(api, other)) == 1
