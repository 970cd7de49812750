"""What the five have in common: how requests name themselves, and when they are tried again."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.domain.retry_schedule import DEFAULT_POLICY
from tests.conformance.systems import AT_ONCE, Systems, a_path, done

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
PRODUCTS: dict[str, str] = {
    "twelve-twenty": "save_calendar_event",
    "twelve-build": "Company.updated",
    "twenty": "person.created",
    "timekit": "booking.created",
    "calenso": "customer.created",
}
DATA = '{"current":{"id":7},"previous":null}'
THREE_MORE = {"delays": ["5s", "5m", "30m"]}
SCHEDULES: dict[str, Any] = {
    "twelve-twenty": {"first": "30s", "factor": 2, "cap": "6h", "attempts": 11},
    "twelve-build": THREE_MORE,
    "timekit": THREE_MORE,
}
"""As the documents say; the others promise none, and have the default."""


def a_receiver(systems: Systems, profile: str, path: str, **members: Any) -> tuple[str, str]:
    """An account that is told of everything, and its endpoint."""
    account = systems.api.new_account(profile=profile, webhooks_enabled=True)
    if profile == "twelve-build":
        at = f"/v1/accounts/{account}/relations/7"
        done(systems.api.operator.put(at, json={"star": "gold"}))
    endpoint = systems.endpoint(account, path, **members)
    return account, endpoint["id"]


def publish(systems: Systems, profile: str, account: str) -> None:
    systems.publish(account, PRODUCTS[profile], DATA, subject="company/7")


@pytest.mark.parametrize("profile", PRODUCTS)
def test_requests_are_posts_that_name_themselves_and_say_nothing_needless(
    systems: Systems, profile: str
):
    path = a_path()
    account, _ = a_receiver(systems, profile, path)
    publish(systems, profile, account)
    request = systems.one(path)
    assert request.webhook_id.startswith("msg_")
    assert request.header("User-Agent")
    assert request.header("Content-Type") == "application/json"
    for name in ("Expect", "Accept", "Accept-Encoding"):
        assert request.header(name) is None


@pytest.mark.parametrize("profile", PRODUCTS)
def test_what_fails_is_sent_again_as_it_was_until_it_is_taken(systems: Systems, profile: str):
    path = a_path()
    account, endpoint = a_receiver(systems, profile, path, retry=AT_ONCE)
    # To none of the five a 410 says more than another failure.
    systems.answer(path, 410, 503)
    publish(systems, profile, account)
    requests = systems.plain.wait_for(3, path=path)
    assert len({(request.webhook_id, request.body) for request in requests}) == 1
    attempts = systems.attempts(endpoint, 3)
    assert [one.status for one in attempts] == [410, 503, 204]
    assert [one.attempt for one in attempts] == [1, 2, 3]
    shown = systems.api.operator.get(f"/v1/endpoints/{endpoint}").json()
    assert shown["status"] == "active"


@pytest.mark.parametrize(
    ("profile", "first_ms", "slack_ms"),
    [
        ("twelve-twenty", 30_000, 0),
        ("twelve-build", 5_000, 0),
        ("timekit", 5_000, 0),
        ("twenty", 5_000, 500),
        ("calenso", 5_000, 500),
    ],
)
def test_what_fails_is_tried_again_when_the_product_says(
    systems: Systems, profile: str, first_ms: int, slack_ms: int
):
    path = a_path()
    account, endpoint = a_receiver(systems, profile, path)
    systems.answer(path, 500)
    publish(systems, profile, account)
    first = systems.attempts(endpoint, 1)[0]
    assert first.next_attempt_at_ms is not None
    waits_ms = first.next_attempt_at_ms - first.started_at_ms - first.duration_ms
    # Due times are whole seconds, rounded up; the jitter is a tenth where the profile has one.
    assert first_ms - slack_ms - 10 <= waits_ms <= first_ms + slack_ms + 1_010
    assert systems.profile(profile).get("retry") == SCHEDULES.get(profile)


def test_the_default_schedule_is_ten_attempts_over_three_days():
    hours = [2, 5, 10, 14, 20, 24]
    delays = (5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, *(hour * HOUR_MS for hour in hours))
    assert DEFAULT_POLICY.delays_ms == delays


def test_an_endpoint_without_a_success_for_three_days_is_set_inactive_by_12build_alone(
    systems: Systems,
):
    given = {profile: systems.profile(profile).get("inactive_after") for profile in PRODUCTS}
    assert given == {**dict.fromkeys(PRODUCTS), "twelve-build": "3d"}
