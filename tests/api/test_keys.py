"""API keys: made, used, listed, revoked; never shown again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.storage.engine import connected
from pipeline.api.key_texts import hash_of
from tests.api.running_api import RunningApi, all_pages, pointers, problem_of
from tests.running_pipeline import eventually

KEYS = "/v1/keys"
USED_SECONDS = 20.0


def in_seconds(seconds: float) -> str:
    later = datetime.now(UTC) + timedelta(seconds=seconds)  # noqa: TID251 - the API's own time is real
    return later.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_key_is_shown_once_and_nowhere_again(api: RunningApi):
    account = api.new_account()
    made = api.made_key(account=account, name="acme's")
    assert made["key"].startswith(f"{made['id']}_")
    shown = api.operator.get(f"{KEYS}/{made['id']}").json()
    assert shown == {name: value for name, value in made.items() if name != "key"}
    listed = api.operator.get(KEYS, params={"account": account})
    assert [each["id"] for each in listed.json()["items"]] == [made["id"]]
    secret = made["key"].removeprefix(made["id"])
    assert secret not in listed.text
    assert secret not in api.log()


def test_the_store_has_no_text_of_a_key(api: RunningApi):
    made = api.made_key()
    content = _stored_keys(api)
    assert hash_of(made["key"]) in content
    assert made["key"].removeprefix(made["id"]).encode() not in content


def _stored_keys(api: RunningApi) -> bytes:
    """What the store has of all keys."""
    own_file = f"sqlite:///{api.pipeline.data_dir}/store.sqlite"
    store = connected(api.pipeline.settings.get("PIPELINE_STORE__URL", own_file))
    with store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM api_keys").all()
    store.close()
    values = [value for row in rows for value in row]
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for value in values
    )


def test_a_key_sees_its_account_alone(api: RunningApi):
    ours, others = api.new_account(), api.new_account()
    own = api.client(api.new_key(account=ours))
    assert own.get(f"/v1/accounts/{ours}").status_code == 200
    problem_of(own.get(f"/v1/accounts/{others}"), 404)


def test_a_key_that_may_read_changes_nothing(api: RunningApi):
    account = api.new_account()
    reader = api.client(api.new_key(account=account, access="read"))
    assert reader.get(f"/v1/accounts/{account}").status_code == 200
    refused = reader.patch(f"/v1/accounts/{account}", json={"webhooks_enabled": False})
    assert "read" in problem_of(refused, 403)["detail"]


def test_an_operators_key_of_the_store_does_what_the_first_one_does(api: RunningApi):
    another = api.client(api.new_key())
    assert another.get("/v1/accounts").status_code == 200
    assert another.post(KEYS, json={"name": "made by it"}).status_code == 201


def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(api: RunningApi):
    account = api.new_account()
    made = api.made_key(account=account)
    own = api.client(made["key"])
    assert own.get(f"/v1/accounts/{account}").status_code == 200
    assert api.operator.delete(f"{KEYS}/{made['id']}").status_code == 204
    for _ in range(5):
        problem_of(own.get(f"/v1/accounts/{account}"), 401)
    listed = api.operator.get(KEYS, params={"account": account}).json()["items"]
    assert listed[0]["revoked_at"] is not None
    # Again it does no harm.
    assert api.operator.delete(f"{KEYS}/{made['id']}").status_code == 204


def test_a_key_expires(api: RunningApi):
    account = api.new_account()
    own = api.client(api.new_key(account=account, expires_at=in_seconds(3)))
    assert own.get(f"/v1/accounts/{account}").status_code == 200
    eventually(lambda: own.get(f"/v1/accounts/{account}").status_code == 401, seconds=30)


def test_when_a_key_was_used_last_is_noted(api: RunningApi):
    account = api.new_account()
    made = api.made_key(account=account)
    assert made["last_used_at"] is None
    api.client(made["key"]).get(f"/v1/accounts/{account}")
    place = f"{KEYS}/{made['id']}"
    eventually(
        lambda: api.operator.get(place).json()["last_used_at"] is not None, seconds=USED_SECONDS
    )


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\u0000b"}, "/name"),
        ({"access": "write"}, "/access"),
        ({"account": "nobody"}, "/account"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"key": "of my own"}, "/key"),
    ],
)
def test_what_is_wrong_with_a_key_is_named(
    api: RunningApi, members: dict[str, object], pointer: str
):
    given = {"name": "x", **members}
    assert pointers(api.operator.post(KEYS, json=given)) == [pointer]


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer nonsense",
        "Bearer key_01JNB9Q4J7Z4X9V1T0Q6W8R2EA_" + "A" * 43,
        "Basic b3A6b3A=",
        "Bearer",
        "Bearer " + "x" * 5000,
        "Bearer \xff\xfe",
    ],
)
def test_what_is_no_key_of_ours_is_refused(api: RunningApi, authorization: str):
    headers = {b"Authorization": authorization.encode("latin-1")}
    problem_of(api.http.get("/v1/accounts", headers=headers), 401)


def test_another_secret_with_a_known_id_is_refused(api: RunningApi):
    made = api.made_key()
    assert api.client(made["key"]).get("/v1/accounts").status_code == 200
    forged = made["key"][:-4] + "AAAA"
    problem_of(api.client(forged).get("/v1/accounts"), 401)


def test_keys_are_listed_in_pieces(api: RunningApi):
    account = api.new_account()
    made = sorted(api.made_key(account=account)["id"] for _ in range(5))
    listed = all_pages(lambda query: api.operator.get(KEYS, params={**query, "account": account}))
    assert [each["id"] for each in listed] == made
