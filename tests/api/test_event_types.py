"""Event types as operators describe them."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.api.running_api import RunningApi, all_pages, pointers, problem_of

TYPES = "/v1/event-types"
SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "age": {"type": "integer"}},
}


def described(**members: Any) -> dict[str, Any]:
    return {
        "type": f"person.{secrets.token_hex(4)}",
        "description": "A person was added.",
        "schema": SCHEMA,
        "sample": {"id": "p-1", "middle_name": None},
        **members,
    }


def test_one_is_described_changed_and_forgotten(api: RunningApi):
    given = described()
    made = api.operator.post(TYPES, json=given)
    assert made.status_code == 201, made.text
    place = f"{TYPES}/{given['type']}"
    assert made.headers["location"] == place
    kept = api.operator.get(place).json()
    assert {name: kept[name] for name in given} == given
    patched = api.operator.patch(place, json={"description": "Somebody new."}).json()
    assert patched["description"] == "Somebody new."
    assert patched["schema"] == SCHEMA
    assert api.operator.patch(place, json={"schema": None}).json()["schema"] is None
    replaced = api.operator.put(place, json={"description": "x", "sample": [1, None]}).json()
    assert replaced["sample"] == [1, None]
    assert replaced["created_at"] == made.json()["created_at"]
    assert api.operator.delete(place).status_code == 204
    problem_of(api.operator.get(place), 404)


def test_a_type_is_described_once(api: RunningApi):
    given = described()
    assert api.operator.post(TYPES, json=given).status_code == 201
    problem_of(api.operator.post(TYPES, json=given), 409)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"type": "no spaces"}, "/type"),
        ({"type": "x" * 129}, "/type"),
        ({"schema": {"type": "nonsense"}}, "/schema"),
        ({"schema": {"$ref": "https://schemas.example.com/person.json"}}, "/schema"),
        ({"schema": {"$ref": "file:///etc/passwd"}}, "/schema"),
        ({"schema": {"pattern": "("}}, "/schema"),
        ({"schema": "object"}, "/schema"),
        ({"sample": {"id": 5}}, "/sample/id"),
        ({"sample": {}}, "/sample"),
        ({"sample": {"id": "x", "age": 1.5}}, "/sample/age"),
        ({"description": "a\u0000b"}, "/description"),
        ({"description": None}, "/description"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_is_wrong_with_an_event_type_is_named(
    api: RunningApi, members: dict[str, Any], pointer: str
):
    assert pointers(api.operator.post(TYPES, json=described(**members))) == [pointer]


def test_a_changed_schema_must_fit_the_sample_that_is_kept(api: RunningApi):
    given = described()
    api.operator.post(TYPES, json=given)
    place = f"{TYPES}/{given['type']}"
    narrower = {"schema": {"properties": {"id": {"maxLength": 1}}}}
    assert pointers(api.operator.patch(place, json=narrower)) == ["/sample/id"]
    assert api.operator.get(place).json()["schema"] == SCHEMA


def test_they_are_listed_in_pieces(api: RunningApi):
    made = [described() for _ in range(3)]
    for given in made:
        api.operator.post(TYPES, json=given)
    listed = all_pages(lambda query: api.operator.get(TYPES, params=query))
    types = [each["type"] for each in listed]
    assert types == sorted(types)
    assert {given["type"] for given in made} <= set(types)


def test_what_is_not_there_is_not_found(api: RunningApi):
    place = f"{TYPES}/nobody.asked"
    problem_of(api.operator.get(place), 404)
    problem_of(api.operator.patch(place, json={}), 404)
    problem_of(api.operator.put(place, json={"description": "", "sample": 1}), 404)
    problem_of(api.operator.delete(place), 404)
