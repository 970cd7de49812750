"""Endpoints by the API: what is answered, stored and told, and what is refused."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pytest

from pipeline.clock import now_ms
from pipeline.domain.addresses import REFUSED_TARGET
from pipeline.domain.endpoint import BearerAuth, HeaderAuth, RateLimit, SigningSecret
from pipeline.domain.endpoint_document import ENDPOINT_FIELDS
from pipeline.domain.endpoint_secrets import OVERLAP_MS
from pipeline.domain.signing_secrets import public_key
from pipeline.registry import Access
from tests.api.resource_api import Answered, ResourceApi, resource_api
from tests.kafka_broker import SessionBroker

URL = "https://hooks.example.com/orders"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_WHSEC = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture(scope="module")
def api(broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResourceApi]:
    with resource_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


def endpoints_of(account: str) -> str:
    return f"/v1/accounts/{account}/endpoints"


def patch(api: ResourceApi, endpoint: str, document: object) -> Answered:
    return api.ask("PATCH", f"/v1/endpoints/{endpoint}", document)


def action(api: ResourceApi, endpoint: str, name: str, document: object = None) -> Answered:
    return api.ask("POST", f"/v1/endpoints/{endpoint}/{name}", document)


def test_a_created_endpoint_is_stored_told_and_answered_with_its_secret_once(api: ResourceApi):
    account = api.account()
    before_ms = now_ms()
    answered = api.ask("POST", endpoints_of(account), {"url": URL})
    assert answered.status == 201
    created = answered.body
    assert created["id"].startswith("ep_")
    assert answered.headers["location"] == f"/v1/endpoints/{created['id']}"
    assert (created["account"], created["url"], created["status"]) == (account, URL, "active")
    assert created["topic"] == api.topology.delivery(created["id"])
    assert NEW_WHSEC.fullmatch(created["secret"])
    assert api.credentials(created["id"]).secrets == (SigningSecret(created["secret"]),)
    stored = api.stored(created["id"])
    assert before_ms <= stored.created_at_ms <= now_ms()
    # It is answered once Kafka has it.
    (told,) = api.told(created["id"])
    assert (told.url, told.sealed) == (URL, stored.sealed)
    read = api.ask("GET", f"/v1/endpoints/{created['id']}")
    assert read.status == 200
    assert read.body == {name: value for name, value in created.items() if name != "secret"}


def test_everything_that_can_be_given_comes_back_but_what_is_secret(api: ResourceApi):
    given = {
        "id": f"full-{now_ms()}",
        "url": URL,
        "email": "orders@example.com",
        "description": "The shop\nof Acme",
        "metadata": {"team": "sales"},
        "profile": "standard-webhooks",
        "event_types": ["order.*", "*.created"],
        "filter": {"data.amount": {"$gte": 100.5}, "$or": [{"subject": "a"}, {"type": "b"}]},
        "body": {"template": {"what": "$.event.type", "list": [1, 2.5, None]}},
        "headers": {"X-Env": "prod"},
        "signing": ["v1", "v1a"],
        "retry": {"delays": ["5s", "1m"], "jitter": 0.2},
        "order": "strict",
        "timeout": "20s",
        "max_in_flight": 256,
        "rate_limit": {"requests": 10, "per": "1m"},
        "on_inactive": "drop",
    }
    secret = {"auth": {"type": "basic", "username": "me", "password": "pässword"}, "secret": WHSEC}
    assert set(ENDPOINT_FIELDS) - set(given) - set(secret) == {"active", "signing_key"}
    created = api.create(api.account(), **given, **secret, active=False)
    assert {name: created[name] for name in given} == given
    assert created["auth"] == {"type": "basic", "username": "me", "password": "***"}
    assert (created["active"], created["status"]) == (False, "inactive")
    assert created["status_reason"] == "deactivated by the operator"
    assert created["secret"] == WHSEC
    (key,) = api.credentials(created["id"]).signing_keys
    assert created["public_key"] == public_key(key.value)
    assert key.value not in str(created)


def test_an_account_lists_its_endpoints_in_pieces_and_no_others(api: ResourceApi):
    account, other = api.account(), api.account()
    ids = sorted(api.create(account)["id"] for _ in range(5))
    removed = api.create(account)["id"]
    assert api.ask("DELETE", f"/v1/endpoints/{removed}").status == 204
    api.create(other)
    key, found, path = api.key(account, Access.READ), list[str](), endpoints_of(account)
    cursor: str | None = ""
    while cursor is not None:
        query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
        piece = api.ask("GET", path + query, key=key)
        found += [item["id"] for item in piece.body["items"]]
        assert len(piece.body["items"]) <= 2
        assert "secret" not in piece.body["items"][0]
        cursor = piece.body["next"]
    assert found == ids
    assert api.ask("GET", endpoints_of(other), key=key).status == 404


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/url"),
        ({"url": None}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "http://169.254.169.254/latest"}, "/url"),
        ({"url": "https://2130706433/"}, "/url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": URL, "ulr": URL}, "/ulr"),
        ({"url": 7}, "/url"),
        ({"url": URL, "email": "a@b@c"}, "/email"),
        ({"url": URL, "filter": {"data.a": {"$near": 1}}}, "/filter/data.a/$near"),
        ({"url": URL, "auth": {"type": "bearer"}}, "/auth/token"),
        ({"url": URL, "auth": {"type": "bearer", "token": "x", "y": 1}}, "/auth/y"),
        ({"url": URL, "body": {"template": {"a": "$.nothing"}}}, "/body/template/a"),
        ({"url": URL, "secret": "whsec_x"}, "/secret"),
        ({"url": URL, "profile": "nobody"}, "/profile"),
        ({"url": URL, "metadata": {"a": 1}}, "/metadata/a"),
        ({"url": URL, "retry": {"delays": ["1ms"]}}, "/retry"),
        ({"url": URL, "status": "active"}, "/status"),
        ({"url": URL, "id": "a b"}, "/id"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(api: ResourceApi, document: object, pointer: str):
    account = api.account()
    answered = api.ask("POST", endpoints_of(account), document)
    assert answered.pointers == [pointer]
    assert api.ask("GET", endpoints_of(account)).body == {"items": [], "next": None}


def test_a_refused_address_is_told_with_one_text_that_names_no_range(api: ResourceApi):
    answered = api.ask("POST", endpoints_of(api.account()), {"url": "https://10.1.2.3/"})
    assert [error["detail"] for error in answered.body["errors"]] == [REFUSED_TARGET]
    token_url = {"type": "oauth2", "client_id": "c", "client_secret": "s", "scope": "all"}
    document = {"url": URL, "auth": {**token_url, "token_url": "https://192.168.0.1/"}}
    assert api.ask("POST", endpoints_of(api.account()), document).pointers == ["/auth/token_url"]


def test_no_id_is_used_twice_by_whomever(api: ResourceApi):
    account, other = api.account(), api.account()
    endpoint = api.create(account, id=f"shop-{now_ms()}")["id"]
    again = {"id": endpoint, "url": URL}
    for owner in (account, other):
        answered = api.ask("POST", endpoints_of(owner), again)
        assert (answered.status, endpoint in answered.body["detail"]) == (409, True)
    assert api.ask("DELETE", f"/v1/endpoints/{endpoint}").status == 204
    assert api.ask("POST", endpoints_of(account), again).status == 409


def test_of_requests_at_once_for_one_id_a_single_one_is_taken(api: ResourceApi):
    owners = [api.account() for _ in range(8)]
    document = {"id": f"race-{now_ms()}", "url": URL}
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(api.ask, repeat("POST"), map(endpoints_of, owners), repeat(document))
        )
    assert sorted(answer.status for answer in answers) == [201, *([409] * 7)]


def test_a_patch_changes_what_it_names_and_keeps_what_is_secret(api: ResourceApi):
    auth = {"type": "header", "name": "X-Key", "value": "k-1"}
    created = api.create(api.account(), auth=auth, metadata={"a": "1", "b": "2"}, timeout="9s")
    before = api.credentials(created["id"])
    document = {"metadata": {"a": None, "c": "3"}, "timeout": None, "description": "new"}
    patched = api.ask(
        "PATCH",
        f"/v1/endpoints/{created['id']}",
        document,
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert patched.status == 200
    assert patched.body["metadata"] == {"b": "2", "c": "3"}
    assert (patched.body["timeout"], patched.body["description"]) == (None, "new")
    assert patched.body["auth"] == {**auth, "value": "***"}
    assert "secret" not in patched.body
    assert api.credentials(created["id"]) == before
    assert [one.description for one in api.told(created["id"])] == ["", "new"]


def test_auth_is_changed_in_parts_replaced_and_removed(api: ResourceApi):
    auth = {"type": "header", "name": "X-Key", "value": "k-1"}
    endpoint = api.create(api.account(), auth=auth)["id"]
    assert patch(api, endpoint, {"auth": {"name": "X-Other"}}).body["auth"]["name"] == "X-Other"
    assert api.credentials(endpoint).auth == HeaderAuth("X-Other", "k-1")
    assert patch(api, endpoint, {"auth": {"value": "***"}}).status == 200
    assert api.credentials(endpoint).auth == HeaderAuth("X-Other", "k-1")
    bearer = {"type": "bearer", "token": "t-1"}
    assert patch(api, endpoint, {"auth": bearer}).body["auth"] == {**bearer, "token": "***"}
    assert api.credentials(endpoint).auth == BearerAuth("t-1")
    mask = {"auth": {"type": "basic", "username": "u", "password": "***"}}
    assert patch(api, endpoint, mask).pointers == ["/auth/password"]
    assert patch(api, endpoint, {"auth": None}).body["auth"] is None
    assert api.credentials(endpoint).auth is None


def test_a_patch_that_changes_nothing_tells_nothing(api: ResourceApi):
    created = api.create(api.account(), event_types=["a.*"])
    patched = patch(api, created["id"], {"event_types": ["a.*"], "url": created["url"]})
    assert patched.status == 200
    assert patched.body["updated_at"] == created["updated_at"]
    assert len(api.told(created["id"])) == 1


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"url": None}, "/url"),
        ({"url": "https://127.1/"}, "/url"),
        ({"id": "another"}, "/id"),
        ({"status": "active"}, "/status"),
        ({"topic": "webhooks.shared-delivery"}, "/topic"),
        ({"max_in_flight": 0}, "/max_in_flight"),
        ({"filter": {"data.a": {"$in": 1}}}, "/filter/data.a/$in"),
        ({"secret": "short"}, "/secret"),
    ],
)
def test_a_patch_is_checked_as_a_new_endpoint_is(api: ResourceApi, document: object, pointer: str):
    created = api.create(api.account())
    assert patch(api, created["id"], document).pointers == [pointer]
    assert len(api.told(created["id"])) == 1


def test_where_there_are_alternatives_a_patch_names_another_one(api: ResourceApi):
    endpoint = api.create(
        api.account(), body={"template": {"a": 1}}, retry={"delays": ["5s"], "jitter": 0.5}
    )["id"]
    exponential = {"first": "1s", "factor": 3, "cap": "5s", "attempts": 4}
    patched = patch(api, endpoint, {"body": {"format": "nested"}, "retry": exponential}).body
    assert patched["body"] == {"format": "nested"}
    assert patched["retry"] == {"delays": ["1s", "3s", "5s"], "jitter": 0.5}
    assert patch(api, endpoint, {"body": {"template": {"b": 2}}}).body["body"] == {
        "template": {"b": 2}
    }
    assert patch(api, endpoint, {"body": {"template": {"b": None, "c": [3]}}}).body["body"] == {
        "template": {"c": [3]}
    }


def test_an_endpoint_may_take_mail_instead_of_requests(api: ResourceApi):
    account = api.account()
    answered = api.ask("POST", endpoints_of(account), {"email": "orders@example.com"})
    assert answered.status == 201
    assert (answered.body["url"], answered.body["email"]) == (None, "orders@example.com")
    assert patch(api, answered.body["id"], {"email": None}).pointers == ["/url"]
    assert patch(api, answered.body["id"], {"email": None, "url": URL}).body["url"] == URL


def test_a_removed_endpoint_is_gone_and_told_to_be(api: ResourceApi):
    created = api.create(api.account())
    path = f"/v1/endpoints/{created['id']}"
    assert api.ask("DELETE", path).status == 204
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"description": "x"})):
        assert api.ask(method, path, body).status == 404
    assert action(api, created["id"], "activate").status == 404
    assert [endpoint.status for endpoint in api.told(created["id"])] == ["active", "removed"]


def test_a_deactivated_endpoint_says_why_and_is_activated_with_what_waits(api: ResourceApi):
    endpoint = api.create(api.account(), on_inactive="drop")["id"]
    off = action(api, endpoint, "deactivate", {"reason": "moving house"}).body
    assert (off["status"], off["active"]) == ("inactive", False)
    assert off["status_reason"] == "moving house"
    again = action(api, endpoint, "deactivate").body
    assert (again["status_reason"], again["status_since"]) == ("moving house", off["status_since"])
    on = action(api, endpoint, "activate", {"waiting": "send"}).body
    assert (on["status"], on["status_reason"]) == ("active", None)
    assert api.stored(endpoint).drop_before_ms == 0
    action(api, endpoint, "deactivate")
    before_ms = now_ms()
    assert action(api, endpoint, "activate").body["status"] == "active"
    assert before_ms <= api.stored(endpoint).drop_before_ms <= now_ms()
    assert api.told(endpoint)[-1].drop_before_ms == api.stored(endpoint).drop_before_ms


def test_an_active_endpoint_drops_nothing_however_often_it_is_activated(api: ResourceApi):
    created = api.create(api.account())
    activated = action(api, created["id"], "activate", {"waiting": "drop"})
    assert (activated.status, activated.body["updated_at"]) == (200, created["updated_at"])
    assert api.stored(created["id"]).drop_before_ms == 0


@pytest.mark.parametrize(
    ("name", "document", "pointer"),
    [
        ("activate", {"waiting": "keep"}, "/waiting"),
        ("activate", {"wating": "send"}, "/wating"),
        ("deactivate", {"reason": "a\nb"}, "/reason"),
        ("deactivate", {"reason": "x" * 201}, "/reason"),
        ("rotate-secret", {"overlap": "31d"}, "/overlap"),
        ("rotate-secret", {"overlap": "soon"}, "/overlap"),
        ("rotate-secret", {"secret": "whsec_"}, "/secret"),
    ],
)
def test_actions_say_what_is_wrong_with_them(
    api: ResourceApi, name: str, document: object, pointer: str
):
    endpoint = api.create(api.account())["id"]
    assert action(api, endpoint, name, document).pointers == [pointer]


def test_a_rotated_secret_signs_beside_the_present_one_for_a_day(api: ResourceApi):
    created = api.create(api.account())
    before_ms = now_ms()
    rotated = action(api, created["id"], "rotate-secret").body
    assert NEW_WHSEC.fullmatch(rotated["secret"])
    assert rotated["secret"] != created["secret"]
    new, old = api.credentials(created["id"]).secrets
    assert (new.value, new.expires_at_ms) == (rotated["secret"], None)
    assert old.value == created["secret"]
    assert before_ms <= (old.expires_at_ms or 0) - OVERLAP_MS <= now_ms()
    assert "secret" not in api.ask("GET", f"/v1/endpoints/{created['id']}").body


def test_a_rotation_takes_a_secret_and_an_overlap(api: ResourceApi):
    created = api.create(api.account())
    document = {"secret": WHSEC, "overlap": "0s"}
    assert action(api, created["id"], "rotate-secret", document).body["secret"] == WHSEC
    assert api.credentials(created["id"]).secrets == (SigningSecret(WHSEC),)
    assert action(api, created["id"], "rotate-secret", document).pointers == ["/secret"]


def test_twenty_signs_with_the_newest_secret_alone(api: ResourceApi):
    created = api.create(api.account("twenty"))
    rotated = action(api, created["id"], "rotate-secret", {"overlap": "2d"}).body
    assert api.credentials(created["id"]).secrets == (SigningSecret(rotated["secret"]),)


def test_what_signs_nothing_has_no_secret_to_rotate(api: ResourceApi):
    created = api.create(api.account("timekit"))
    assert "secret" not in created
    assert action(api, created["id"], "rotate-secret").pointers == ["/secret"]


def test_a_plan_limits_the_endpoints_however_many_are_asked_for_at_once(api: ResourceApi):
    account = api.account("calenso", plan="professional")
    with ThreadPoolExecutor(10) as threads:
        answers = list(
            threads.map(api.ask, ["POST"] * 10, repeat(endpoints_of(account)), repeat({"url": URL}))
        )
    assert sorted(answer.status for answer in answers) == [*([201] * 3), *([403] * 7)]
    refused = next(answer.body for answer in answers if answer.status == 403)
    assert refused["type"] == "quota"
    assert "professional" in refused["detail"]
    assert "3" in refused["detail"]
    # Inactive ones and those with an e-mail address count, removed ones do not.
    ids = [answer.body["id"] for answer in answers if answer.status == 201]
    action(api, ids[0], "deactivate")
    mail = {"email": "a@example.com"}
    assert api.ask("POST", endpoints_of(account), mail).status == 403
    assert api.ask("DELETE", f"/v1/endpoints/{ids[0]}").status == 204
    assert api.ask("POST", endpoints_of(account), mail).status == 201
    assert api.ask("POST", endpoints_of(account), {"url": URL}).status == 403


def test_an_account_without_a_plan_has_no_limit(api: ResourceApi):
    account = api.account("calenso")
    for _ in range(4):
        api.create(account)
    assert len(api.ask("GET", endpoints_of(account)).body["items"]) == 4


def test_endpoints_of_a_profile_without_self_service_are_the_operators(api: ResourceApi):
    account = api.account("twelve-twenty")
    key = api.key(account)
    assert api.ask("POST", endpoints_of(account), {"url": URL}, key=key).status == 403
    created = api.create(account, auth={"type": "token", "token": "t"})
    path = f"/v1/endpoints/{created['id']}"
    assert api.ask("GET", path, key=key).body["auth"] == {"type": "token", "token": "***"}
    for method, at, body in (
        ("PATCH", path, {"description": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}/activate", None),
        ("POST", f"{path}/deactivate", None),
        ("POST", f"{path}/rotate-secret", None),
    ):
        assert api.ask(method, at, body, key=key).status == 403, method
    # Nor does another profile's endpoint become one of these.
    other = api.account()
    document = {"url": URL, "profile": "twelve-twenty"}
    assert api.ask("POST", endpoints_of(other), document, key=api.key(other)).status == 403
    own = api.create(other)["id"]
    escape = {"profile": "twelve-twenty"}
    answered = api.ask("PATCH", f"/v1/endpoints/{own}", escape, key=api.key(other))
    assert answered.status == 403


def test_an_account_sees_and_changes_its_own_endpoints_alone(api: ResourceApi):
    account, other = api.account(), api.account()
    mine, theirs = api.create(account)["id"], api.create(other)["id"]
    full, reading = api.key(account), api.key(account, Access.READ)
    requests = (
        ("GET", "", None, 200),
        ("PATCH", "", {"description": "x"}, 200),
        ("POST", "/deactivate", None, 200),
        ("POST", "/activate", None, 200),
        ("POST", "/rotate-secret", None, 200),
        ("DELETE", "", None, 204),
    )
    for method, suffix, body, status in requests:
        foreign = api.ask(method, f"/v1/endpoints/{theirs}{suffix}", body, key=full)
        unknown = api.ask(method, f"/v1/endpoints/nobody{suffix}", body, key=full)
        assert (foreign.status, unknown.status) == (404, 404)
        # Nobody learns which ids others have.
        assert foreign.body["detail"].replace(theirs, "nobody") == unknown.body["detail"]
        own = f"/v1/endpoints/{mine}{suffix}"
        assert api.ask(method, own, body, key=None).status == 401
        assert api.ask(method, own, body, key=reading).status == (200 if method == "GET" else 403)
        assert api.ask(method, own, body, key=full).status == status
    assert api.ask("POST", endpoints_of(other), {"url": URL}, key=full).status == 404
    assert len(api.told(theirs)) == 1


def test_an_owner_is_named_as_the_one_who_deactivated(api: ResourceApi):
    account = api.account()
    endpoint = api.create(account)["id"]
    path = f"/v1/endpoints/{endpoint}/deactivate"
    answered = api.ask("POST", path, key=api.key(account))
    assert answered.body["status_reason"] == "deactivated by its owner"


def test_strict_order_comes_with_a_topic_of_its_own(api: ResourceApi):
    created = api.create(api.account(), order="strict")
    assert created["topic"] == api.topology.delivery(created["id"])
    assert patch(api, created["id"], {"order": "none"}).body["order"] == "none"
    assert patch(api, created["id"], {"order": "strict"}).body["order"] == "strict"


def test_a_rate_limit_is_kept_as_it_was_meant(api: ResourceApi):
    created = api.create(api.account(), rate_limit={"requests": 5})
    assert created["rate_limit"] == {"requests": 5, "per": "1s"}
    assert api.stored(created["id"]).rate_limit == RateLimit(5, 1_000)
