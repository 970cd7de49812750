"""Endpoints as they are answered: read again they are the same, and nothing of them is secret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import (
    Auth,
    BasicAuth,
    BearerAuth,
    Credentials,
    Endpoint,
    EndpointStatus,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    SigningSecret,
    TokenAuth,
)
from pipeline.domain.endpoint_document import EndpointRules, endpoint_fields, read_endpoint
from pipeline.domain.endpoint_written import (
    MASK,
    answered_endpoint,
    patched_endpoint,
    written_endpoint,
)
from tests.domain.endpoint_files import URL, check_url, shipped_profiles

WHSK = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
SECRET = "topsecret"
EVERY_AUTH: list[Auth] = [
    TokenAuth(SECRET),
    HeaderAuth("X-Key", SECRET),
    BearerAuth(SECRET),
    BasicAuth("me", SECRET),
    OAuth2Auth(URL, "client", SECRET, "all"),
    MutualTlsAuth("a certificate", SECRET),
]
RULES = EndpointRules(shipped_profiles(), check_url)
AN_ENDPOINT = Endpoint(id="crm", account="acme", profile="standard-webhooks", topic="t", url=URL)

_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)
_names = st.text("abcdefghij", min_size=1, max_size=6)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=5,
)
_seconds = st.integers(1, 86_400).map(lambda number: f"{number}s")
_documents: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"id": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), "url": st.just(URL)},
    optional={
        "email": st.just("ops@example.com"),
        "description": st.text(st.characters(categories=["L", "N"]), max_size=50),
        "metadata": st.dictionaries(_names, _texts, max_size=3),
        "profile": st.sampled_from(["cloudevents", "standard-webhooks", "timekit", "twenty"]),
        "event_types": st.lists(st.sampled_from(["a.*", "*", "x.y"]), max_size=3),
        "filter": st.dictionaries(
            st.sampled_from(["type", "data.a", "metadata.b"]),
            st.fixed_dictionaries({"$neq": st.text("ab") | st.integers() | st.just(0.25)}),
            min_size=1,
            max_size=3,
        ),
        "body": st.fixed_dictionaries({"template": _json.filter(lambda value: value is not None)}),
        "headers": st.dictionaries(st.sampled_from(["X-A", "X-B", "X-C"]), st.just("v w")),
        "retry": st.fixed_dictionaries(
            {"delays": st.lists(_seconds, max_size=5)}, optional={"jitter": st.floats(0, 0.5)}
        ),
        "order": st.sampled_from(["none", "strict"]),
        "timeout": st.integers(1_000, 60_000).map(lambda number: f"{number}ms"),
        "max_in_flight": st.integers(1, 256),
        "rate_limit": st.fixed_dictionaries(
            {
                "requests": st.integers(1, 1_000_000),
                "per": st.integers(1, 86_400_000).map("{}ms".format),
            }
        ),
        "on_inactive": st.sampled_from(["keep", "drop"]),
    },
)


def read(document: object) -> Endpoint:
    fields = endpoint_fields(document, "")
    return read_endpoint(fields, "acme", profile_name="standard-webhooks", rules=RULES).wanted


@given(_documents)
def test_what_was_written_reads_as_the_same_endpoint(document: dict[str, Any]):
    endpoint = read(document)
    assert read(written_endpoint(endpoint, Credentials())) == endpoint


@given(_documents, _documents)
def test_a_patch_with_all_that_another_one_says_makes_that_one(
    document: dict[str, Any], other: dict[str, Any]
):
    wanted = read(other)
    patch = written_endpoint(wanted, Credentials())
    del patch["body"]  # null is a value in a template, and no patch can say it
    present = replace(read(document), filter=None, metadata={}, headers=(), body=wanted.body)
    assert read(patched_endpoint(present, Credentials(), patch)) == wanted


@given(_documents)
def test_an_empty_patch_changes_nothing(document: dict[str, Any]):
    endpoint = read(document)
    assert read(patched_endpoint(endpoint, Credentials(), {})) == endpoint


@pytest.mark.parametrize("auth", EVERY_AUTH, ids=lambda auth: type(auth).__name__)
def test_nothing_secret_is_in_an_answer(auth: Auth):
    credentials = Credentials((SigningSecret("whsec_x"),), (SigningSecret(WHSK),), auth)
    answer = answered_endpoint(AN_ENDPOINT, credentials)
    assert SECRET not in str(answer)
    assert "whsec_" not in str(answer)
    assert "whsk_" not in str(answer)
    assert str(answer["auth"]).count(MASK) == 1
    assert answer["public_key"] == "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


@pytest.mark.parametrize("auth", EVERY_AUTH, ids=lambda auth: type(auth).__name__)
def test_what_was_answered_may_be_sent_back_and_means_the_same(auth: Auth):
    answer = answered_endpoint(AN_ENDPOINT, Credentials(auth=auth))
    patched = patched_endpoint(AN_ENDPOINT, Credentials(auth=auth), {"auth": answer["auth"]})
    unpatched = patched_endpoint(AN_ENDPOINT, Credentials(auth=auth), {})
    assert patched["auth"] == unpatched["auth"]
    assert SECRET in str(patched["auth"])


def test_a_mask_stands_for_a_secret_of_the_same_type_alone():
    credentials = Credentials(auth=BearerAuth(SECRET))
    patch = {"auth": {"type": "token", "token": MASK}}
    with pytest.raises(DocumentError) as caught:
        patched_endpoint(AN_ENDPOINT, credentials, patch)
    assert caught.value.pointer == "/auth/token"


def test_credentials_that_cannot_be_opened_are_told_and_not_lost():
    answer = answered_endpoint(AN_ENDPOINT, None)
    assert (answer["auth"], answer["public_key"]) == ({"type": "unreadable"}, None)
    with pytest.raises(DocumentError) as caught:
        patched_endpoint(AN_ENDPOINT, None, {"description": "x"})
    assert caught.value.pointer == "/auth"
    bearer = {"type": "bearer", "token": "new"}
    assert patched_endpoint(AN_ENDPOINT, None, {"auth": bearer})["auth"] == bearer
    assert "auth" not in patched_endpoint(AN_ENDPOINT, None, {"auth": None})


def test_times_and_status_are_answered():
    endpoint = replace(
        AN_ENDPOINT,
        status=EndpointStatus.INACTIVE,
        status_reason="gone",
        status_since_ms=1_772_449_200_250,
        created_at_ms=1_772_449_200_000,
    )
    answer = answered_endpoint(endpoint, Credentials())
    assert (answer["status"], answer["active"], answer["status_reason"]) == (
        "inactive",
        False,
        "gone",
    )
    assert answer["status_since"] == "2026-03-02T11:00:00.250Z"
    assert answer["created_at"] == "2026-03-02T11:00:00Z"
