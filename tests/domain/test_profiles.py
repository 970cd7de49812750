from __future__ import annotations

import pytest

from pipeline.adapters.profile_files import (
    SHIPPED,
    read_profile_files,
)
from pipeline.domain.endpoint import RetryPolicy
from pipeline.domain.profile import (
    Digest,
    Encoding,
    KeyForm,
    OfferedFilter,
    RelationRules,
    Rotation,
    Scheme,
    Signature,
    TimestampUnit,
    TokenHeader,
)
from pipeline.domain.retry_schedule import DEFAULT_POLICY
from tests.domain.builders import shipped_profile

SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
THREE_RETRIES = RetryPolicy((5 * SECOND, 5 * MINUTE, 30 * MINUTE))
CHANGES = ("created", "updated", "deleted")


def test_the_seven_profiles_ship():
    assert set(read_profile_files(SHIPPED)) == {
        "twelve-twenty",
        "twelve-build",
        "twenty",
        "timekit",
        "calenso",
        "standard-webhooks",
        "cloudevents",
    }


def test_standard_webhooks_signs_with_v1_and_on_request_with_v1a_beside():
    assert shipped_profile("standard-webhooks").signature == Signature(
        schemes=(
            Scheme("v1", Digest.HMAC_SHA256, KeyForm.WHSEC, Encoding.BASE64, "v1,"),
            Scheme("v1a", Digest.ED25519, KeyForm.WHSK, Encoding.BASE64, "v1a,", beside="v1"),
        ),
        default_schemes=("v1",),
        headers=(("webhook-timestamp", "{timestamp}"), ("webhook-signature", "{signatures}")),
        content_prefix="{webhook_id}.{timestamp}.",
        timestamp=TimestampUnit.SECONDS,
        rotation=Rotation.BESIDE,
        separator=" ",
    )


def test_twenty_signs_the_time_in_milliseconds_and_the_body_with_the_newest_secret():
    assert shipped_profile("twenty").signature == Signature(
        schemes=(Scheme("hmac", Digest.HMAC_SHA256, KeyForm.TEXT, Encoding.HEX),),
        default_schemes=("hmac",),
        headers=(
            ("X-Twenty-Webhook-Timestamp", "{timestamp}"),
            ("X-Twenty-Webhook-Signature", "{signatures}"),
        ),
        content_prefix="{timestamp}:",
        timestamp=TimestampUnit.MILLISECONDS,
        rotation=Rotation.NEWEST,
    )


def test_the_others_do_not_sign():
    for name in ("twelve-twenty", "twelve-build", "timekit", "calenso", "cloudevents"):
        assert shipped_profile(name).signature is None


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("standard-webhooks", DEFAULT_POLICY),
        ("cloudevents", DEFAULT_POLICY),
        ("twenty", DEFAULT_POLICY),
        ("calenso", DEFAULT_POLICY),
        ("timekit", THREE_RETRIES),
        ("twelve-build", THREE_RETRIES),
        ("twelve-twenty", RetryPolicy(tuple(30 * SECOND * 2**n for n in range(10)))),
    ],
)
def test_each_profile_retries_as_its_product_promises(name: str, policy: RetryPolicy):
    assert shipped_profile(name).retry == policy


def test_a_410_disables_only_where_the_specification_says_so():
    disabling = {
        name
        for name, profile in read_profile_files(SHIPPED).items()
        if profile.acknowledgement.gone_disables
    }
    assert disabling == {"standard-webhooks", "cloudevents"}


def test_every_2xx_acknowledges_except_for_cloudevents():
    for name, profile in read_profile_files(SHIPPED).items():
        wanted = {200, 201, 202, 204} if name == "cloudevents" else set(range(200, 300))
        assert profile.acknowledgement.acknowledged == wanted


def test_an_endpoint_is_given_up_after_five_days_and_with_twelve_build_after_three():
    for name, profile in read_profile_files(SHIPPED).items():
        assert profile.inactive_after_ms == (3 * DAY if name == "twelve-build" else 5 * DAY)
        assert profile.timeout_ms == 15 * SECOND


def test_twelve_twenty_has_its_token_header_on_https_alone_and_is_set_up_by_operators():
    profile = shipped_profile("twelve-twenty")
    assert profile.token_header == TokenHeader("X-12TWENTY-TOKEN", https_only=True)
    assert not profile.self_service
    assert [known.type for known in profile.event_types] == [
        "save_calendar_event",
        "delete_calendar_event",
    ]


def test_twelve_build_tells_only_who_starred_the_company():
    profile = shipped_profile("twelve-build")
    objects = ("Company", "CompanyRelation", "CompanyRelationData", "Document", "Message")
    assert profile.relations == RelationRules(
        subject_prefix="company/",
        objects=objects,
        star_in_data=("CompanyRelation", "CompanyRelationData"),
        stars=("green", "gold", "black"),
        limit=3_000,
    )
    assert {known.type for known in profile.event_types} == {
        f"{name}.{action}" for name in objects for action in CHANGES
    }
    assert not profile.event_types_open


def test_calenso_counts_endpoints_by_plan_and_begins_switched_off():
    profile = shipped_profile("calenso")
    assert dict(profile.plans) == {
        "basic": 1,
        "professional": 3,
        "business": 5,
        "enterprise": 10,
        "whitelabel": 10,
    }
    assert not profile.webhooks_enabled
    assert list(profile.formats) == ["nested", "flat"]
    assert profile.email_attachment == "{event_type}-{webhook_id}.json"
    assert len(profile.event_types) == 12
    assert not profile.event_types_open


def test_timekit_offers_the_project_as_a_filter_and_twenty_any_object():
    assert shipped_profile("timekit").filters == (
        OfferedFilter("project", "metadata.project", "Bookings of one project"),
    )
    assert shipped_profile("twenty").event_types_open


def test_cloudevents_asks_for_consent_and_names_its_origin_each_time():
    profile = shipped_profile("cloudevents")
    assert profile.abuse_protection
    assert profile.headers == (("WebHook-Request-Origin", "{origin}"),)
    assert list(profile.formats) == ["structured", "binary"]
