"""12Twenty: what its document promises, from the API to a receiver."""

from __future__ import annotations

import pytest

from tests.api.running_api import problem_of
from tests.conformance.systems import AT_ONCE, Systems, a_path, created

PROFILE = "twelve-twenty"
HEADER = "X-12TWENTY-TOKEN"
TOKEN = {"type": "token", "token": "shared s3cret of the centre"}
SAVED = (
    '{"SyncId":"Local:Event:88213;User:4410","StartTime":"2026-03-09T15:00:00",'
    '"EndTime":"2026-03-09T15:45:00","Subject":"Interview: Flanders & Hibbert","Body":"Résumé/CV",'
    '"Location":"Room 114","OwnerEmailAddress":"l@springfield.example",'
    '"EmailAddresses":["l@springfield.example","s@springfield.example"]}'
)


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("save_calendar_event", SAVED),
        (
            "delete_calendar_event",
            '{"SyncId":9223372036854775807,"OwnerEmailAddress":"l@springfield.example"}',
        ),
    ],
)
def test_the_body_has_exactly_two_members_and_the_data_as_they_came(
    systems: Systems, event_type: str, data: str
):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    systems.endpoint(account, path)
    systems.publish(account, event_type, data)
    request = systems.one(path)
    assert request.body.decode() == f'{{"Event":"{event_type}","Data":{data}}}'
    assert request.header("Content-Type") == "application/json"


def test_the_token_goes_over_https_and_never_over_plain_http(systems: Systems):
    account = systems.api.new_account(profile=PROFILE)
    with_token, without, over_http = a_path(), a_path(), a_path()
    systems.endpoint(account, url=systems.secure.url(with_token), auth=TOKEN)
    systems.endpoint(account, url=systems.secure.url(without))
    insecure = systems.endpoint(account, over_http, auth=TOKEN, retry=AT_ONCE)
    systems.answer(over_http, 500)
    systems.publish(account, "save_calendar_event", SAVED)
    (secured,) = systems.secure.wait_for(1, path=with_token)
    assert secured.header(HEADER) == TOKEN["token"]
    (open_one,) = systems.secure.wait_for(1, path=without)
    assert open_one.header(HEADER) is None
    for request in systems.plain.wait_for(2, path=over_http):
        assert request.header(HEADER) is None
        assert TOKEN["token"] not in str(request)
    assert TOKEN["token"] not in str(systems.attempts(insecure["id"], 2))
    shown = systems.api.operator.get(f"/v1/endpoints/{insecure['id']}").json()
    assert shown["auth"] == {"type": "token", "token": "***"}


def test_an_operator_alone_sets_endpoints_up(systems: Systems):
    account, path = systems.api.new_account(profile=PROFILE), a_path()
    owner = systems.key_of(account)
    url = systems.plain.url(path)
    at = f"/v1/accounts/{account}/endpoints"
    problem_of(owner.post(at, json={"url": url}), 403)
    # Nor by another profile than the account's.
    other = {"url": url, "profile": "standard-webhooks"}
    problem_of(owner.post(at, json=other), 403)
    endpoint = created(systems.api.operator, account, url=url)
    one = f"/v1/endpoints/{endpoint['id']}"
    problem_of(owner.patch(one, json={"url": url}), 403)
    problem_of(owner.delete(one), 403)
    problem_of(owner.post(f"{one}/deactivate", json={}), 403)
    assert owner.get(one).json()["url"] == url
    assert systems.profile(PROFILE)["self_service"] is False
