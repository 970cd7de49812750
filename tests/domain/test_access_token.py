"""What is asked of a token endpoint, and what its answers mean, however odd."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.access_token import (
    CredentialRefused,
    TokenRefused,
    read_token_answer,
    token_request,
)
from pipeline.domain.endpoint import OAuth2Auth

AUTH = OAuth2Auth("https://token.test/", "an id", "s:e/c%ret", "read write")


def an_answer(**members: object) -> bytes:
    return json.dumps({"access_token": "abc", "token_type": "Bearer", **members}).encode()


def test_the_request_is_a_form_and_the_client_authenticates_by_basic():
    request = token_request(AUTH, user_agent="sender/1")
    headers = dict(request.headers)
    scheme, _, code = headers["authorization"].partition(" ")
    assert scheme == "Basic"
    # Encoded as a form each, before they are joined (RFC 6749, section 2.3.1).
    assert base64.b64decode(code) == b"an+id:s%3Ae%2Fc%25ret"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.body == b"grant_type=client_credentials&scope=read+write"


def test_without_a_scope_none_is_asked_for():
    auth = OAuth2Auth("https://token.test/", "id", "secret")
    assert token_request(auth, user_agent="s").body == b"grant_type=client_credentials"


def test_half_a_surrogate_pair_is_refused_and_not_quoted():
    with pytest.raises(CredentialRefused) as refused:
        token_request(OAuth2Auth("https://t.test/", "id", "hush\ud800"), user_agent="s")
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    ("expires_in", "usable_seconds"),
    [(3600, 3540), (100, 90), ("3600", 3540), (None, 270), (10**9, 86_340), (0, 0), (-5, 0)],
)
def test_a_token_is_used_until_shortly_before_its_end(expires_in: object, usable_seconds: float):
    token = read_token_answer(200, an_answer(expires_in=expires_in))
    assert token.text == "abc"
    assert token.usable_seconds == pytest.approx(usable_seconds)


def test_numbers_that_are_none_do_not_make_a_token_last():
    assert read_token_answer(200, an_answer(expires_in="nan")).usable_seconds == 0
    assert read_token_answer(200, an_answer(expires_in="soon")).usable_seconds == 270


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"access_token": 7}'),
        *(an_answer(access_token=""), an_answer(access_token="a\r\nx: y"), an_answer()[:-5]),
        *(an_answer(access_token="a b"), an_answer(access_token="é"), an_answer(token_type="mac")),
        an_answer(access_token="a" * 8_193),
    ],
)
def test_what_holds_no_bearer_token_is_refused(body: bytes):
    with pytest.raises(TokenRefused) as refused:
        read_token_answer(200, body)
    assert refused.value.__context__ is None


def test_an_error_is_told_by_its_status_and_by_the_codes_of_the_rfc_alone():
    with pytest.raises(TokenRefused) as known:
        read_token_answer(401, b'{"error":"invalid_client","error_description":"hush"}')
    assert str(known.value) == "the token endpoint answered 401 (invalid_client)"
    with pytest.raises(TokenRefused) as unknown:
        read_token_answer(400, b'{"error":"hush"}')
    assert str(unknown.value) == "the token endpoint answered 400"


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_gives_anything_but_a_token_or_a_refusal(status: int, body: bytes):
    with pytest.raises(TokenRefused):
        read_token_answer(status, body)
