"""Twenty: what its document promises, from the API to a receiver."""

from __future__ import annotations

import hashlib
import hmac
import json

from pipeline.clock import now_ms
from tests.conformance.systems import TIME, Systems, a_path, created, done
from tests.receiver import Answer, Request

PROFILE = "twenty"
STAMP = "X-Twenty-Webhook-Timestamp"
SIGNATURE = "X-Twenty-Webhook-Signature"
SECRET = "any text of 1-256 characters, ünï too"
PERSON = '{"id":"6f1c","name":{"firstName":"Zoë","lastName":"D\'Arc"},"emails":["z@example.org"]}'
DELETED = 20


def signature_of(request: Request, secret: str) -> str:
    """As the product's example in JavaScript makes it: of the payload, parsed and written again."""
    again = json.dumps(json.loads(request.body), ensure_ascii=False, separators=(",", ":"))
    signed = f"{request.header(STAMP)}:{again}"
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def types_at(systems: Systems, path: str) -> list[str]:
    return [json.loads(request.body)["event"] for request in systems.plain.to(path)]


def test_every_event_goes_to_each_endpoint_and_is_signed_with_the_secret_of_each(systems: Systems):
    account = systems.api.new_account(profile=PROFILE)
    owner, paths = systems.key_of(account), [a_path(), a_path()]
    given = created(owner, account, url=systems.plain.url(paths[0]), secret=SECRET)
    made = created(owner, account, url=systems.plain.url(paths[1]))
    assert (given["active"], given["status"]) == (True, "active")
    assert made["secret"] != given["secret"] == SECRET
    before_ms = now_ms()
    systems.publish(account, "person.created", PERSON)
    for path, secret in zip(paths, (SECRET, made["secret"]), strict=True):
        request = systems.one(path)
        assert request.body.decode() == (
            f'{{"event":"person.created","data":{PERSON},"timestamp":"{TIME}"}}'
        )
        stamp = request.header(STAMP) or ""
        assert before_ms <= int(stamp) <= now_ms()
        assert request.header(SIGNATURE) == signature_of(request, secret)


def test_the_body_is_what_javascript_writes_again_unchanged(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    endpoint = systems.endpoint(account, path)
    data = (
        '{"b":1.0,"2":"b","é":"\\u00e9\\/","1":1e2,"big":9007199254740993,'
        '"x":[-0.50,{"10":0,"9":1}]}'
    )
    systems.publish(account, "rocket.created", data)
    request = systems.one(path)
    written = '{"1":100,"2":"b","b":1,"é":"é/","big":9007199254740993,"x":[-0.5,{"9":1,"10":0}]}'
    assert request.body.decode() == (
        f'{{"event":"rocket.created","data":{written},"timestamp":"{TIME}"}}'
    )
    assert request.header(SIGNATURE) == signature_of(request, endpoint["secret"])


def test_an_endpoint_can_choose_among_the_types(systems: Systems):
    account = systems.api.new_account(profile=PROFILE)
    every, persons, created_ones = a_path(), a_path(), a_path()
    systems.endpoint(account, every)
    systems.endpoint(account, persons, event_types=["person.*"], order="strict")
    systems.endpoint(account, created_ones, event_types=["*.created"], order="strict")
    types = ["company.created", "company.deleted", "person.updated", "rocket.updated"]
    for event_type in (*types, "person.created"):
        systems.publish(account, event_type, "{}")
    systems.plain.wait_for(5, path=every)
    systems.plain.wait_for(2, path=persons)
    systems.plain.wait_for(2, path=created_ones)
    assert sorted(types_at(systems, every)) == sorted([*types, "person.created"])
    assert types_at(systems, persons) == ["person.updated", "person.created"]
    assert types_at(systems, created_ones) == ["company.created", "person.created"]


def test_after_a_rotation_the_new_secret_signs_at_once_and_alone(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    endpoint = systems.endpoint(account, path, secret=SECRET)
    rotated = done(systems.key_of(account).post(f"/v1/endpoints/{endpoint['id']}/rotate-secret"))
    secret = rotated.json()["secret"]
    assert secret != SECRET
    systems.publish(account, "note.created", PERSON)
    request = systems.one(path)
    assert request.header(SIGNATURE) == signature_of(request, secret)
    assert request.header(SIGNATURE) != signature_of(request, SECRET)


def test_no_attempt_starts_later_than_a_second_after_a_deletion_was_answered(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    endpoint = systems.endpoint(
        account, path, retry={"delays": ["1s"] * 20}, max_in_flight=2, event_types=["task.*"]
    )
    systems.answers[path] = [Answer(500, delay_seconds=0.1)] * 1_000
    for number in range(DELETED):
        systems.publish(account, "task.created", str(number))
    systems.plain.wait_for(3, path=path)
    at = f"/v1/endpoints/{endpoint['id']}"
    owner = systems.key_of(account)
    assert owner.delete(at).status_code == 204
    answered_at = now_ms() / 1000
    # All that waited, in its log and in the tiers, ends here: nothing can be sent any more.
    letters = systems.dead_letters(endpoint["id"], DELETED)
    assert {letter.reason for letter in letters} == {"endpoint_removed"}
    assert max(request.at for request in systems.plain.to(path)) <= answered_at + 1.0
    assert owner.get(at).status_code == 404
