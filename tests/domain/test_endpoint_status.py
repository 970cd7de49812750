"""How endpoints become active, inactive and pending."""

from dataclasses import replace

import pytest

from pipeline.domain.consent import HIGHEST_RATE, Consented
from pipeline.domain.endpoint import Endpoint, EndpointStatus, RateLimit
from pipeline.domain.endpoint_document import EndpointRules, endpoint_fields, read_endpoint
from pipeline.domain.endpoint_status import (
    Waiting,
    activated,
    consented,
    deactivated,
    must_consent_again,
    per_minute,
)
from pipeline.domain.endpoint_written import patched_endpoint
from tests.domain.endpoint_files import NOW_MS, URL, check_url, shipped_profiles

PLAIN = shipped_profiles()["standard-webhooks"]
ASKING = shipped_profiles()["cloudevents"]
AN_ENDPOINT = Endpoint("crm", "acme", "cloudevents", "t", url=URL)
INACTIVE = replace(AN_ENDPOINT, status=EndpointStatus.INACTIVE, status_reason="x")
PENDING = replace(AN_ENDPOINT, status=EndpointStatus.PENDING)


def test_an_inactive_endpoint_is_activated_with_what_waits_or_without():
    sent = activated(INACTIVE, PLAIN, waiting=Waiting.SEND, now_ms=NOW_MS)
    assert (sent.status, sent.status_reason, sent.status_since_ms) == ("active", None, NOW_MS)
    assert sent.drop_before_ms == 0
    dropped = activated(INACTIVE, PLAIN, waiting=Waiting.DROP, now_ms=NOW_MS)
    assert dropped.drop_before_ms == NOW_MS


def test_activating_what_must_consent_makes_it_pending():
    assert activated(INACTIVE, ASKING, waiting=Waiting.SEND, now_ms=1).status == "pending"
    mailbox = replace(INACTIVE, email="ops@example.com")
    assert activated(mailbox, ASKING, waiting=Waiting.SEND, now_ms=1).status == "active"
    active = AN_ENDPOINT
    assert activated(active, ASKING, waiting=Waiting.DROP, now_ms=1) is active


def test_a_status_lasts_since_it_began():
    first = deactivated(AN_ENDPOINT, "one", now_ms=5)
    second = deactivated(first, "two", now_ms=9)
    assert (second.status_reason, second.status_since_ms, second.updated_at_ms) == ("two", 5, 9)


@pytest.mark.parametrize(
    ("limit", "allowed", "kept"),
    [
        (None, None, None),
        (None, 120, RateLimit(120, 60_000)),
        (RateLimit(1, 1_000), 120, RateLimit(1, 1_000)),
        (RateLimit(10, 1_000), 120, RateLimit(120, 60_000)),
        (RateLimit(10, 1_000), None, RateLimit(10, 1_000)),
        (None, HIGHEST_RATE, RateLimit(1_000_000, 60_000)),
    ],
)
def test_the_stricter_rate_of_owner_and_receiver_holds(
    limit: RateLimit | None, allowed: int | None, kept: RateLimit | None
):
    endpoint = consented(replace(PENDING, rate_limit=limit), Consented(allowed), now_ms=7)
    assert (endpoint.status, endpoint.rate_limit) == ("active", kept)
    # What is kept can be written and read again.
    document = patched_endpoint(endpoint, None, {"auth": None})
    rules = EndpointRules(shipped_profiles(), check_url)
    fields = endpoint_fields(document, "")
    assert read_endpoint(fields, "acme", profile_name="x", rules=rules).wanted.rate_limit == kept


@pytest.mark.parametrize(
    ("limit", "asked"),
    [
        (None, None),
        (RateLimit(5, 1_000), 300),
        (RateLimit(1, 86_400_000), 1),
        (RateLimit(90, 60_000), 90),
    ],
)
def test_a_rate_is_asked_for_by_the_minute(limit: RateLimit | None, asked: int | None):
    assert per_minute(limit) == asked


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"description": "x"}, False),
        ({"url": "https://other.example.com/"}, True),
        ({"profile": "standard-webhooks"}, True),
        ({"rate_limit": RateLimit(60, 60_000)}, False),
        ({"rate_limit": RateLimit(2, 1_000)}, True),
        ({"rate_limit": None}, True),
        ({"url": "https://other.example.com/", "email": "ops@example.com"}, False),
    ],
)
def test_whoever_consented_is_asked_again_for_more_alone(change: dict[str, object], again: bool):  # noqa: FBT001
    present = replace(AN_ENDPOINT, rate_limit=RateLimit(1, 1_000))
    wanted = replace(present, **change)
    assert must_consent_again(wanted, present, ASKING) is again
    assert not must_consent_again(wanted, present, PLAIN)
