"""Credentials as the bytes that are sealed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.credentials import (
    MAX_CREDENTIALS_BYTES,
    InvalidCredentials,
    read_credentials,
    write_credentials,
)
from pipeline.domain.endpoint import (
    BasicAuth,
    BearerAuth,
    Credentials,
    HeaderAuth,
    MutualTlsAuth,
    OAuth2Auth,
    SigningSecret,
    TokenAuth,
)

texts = st.text(max_size=60)
secrets = st.lists(
    st.builds(SigningSecret, texts, st.none() | st.integers(-(2**63), 2**63 - 1)), max_size=4
).map(tuple)
auths = st.one_of(
    st.none(),
    st.builds(TokenAuth, texts),
    st.builds(HeaderAuth, texts, texts),
    st.builds(BearerAuth, texts),
    st.builds(BasicAuth, texts, texts),
    st.builds(OAuth2Auth, texts, texts, texts, st.none() | texts),
    st.builds(MutualTlsAuth, texts, texts),
)


@given(st.builds(Credentials, secrets, secrets, auths))
def test_what_is_written_is_read_back_and_written_alike(credentials: Credentials):
    written = write_credentials(credentials)
    assert read_credentials(written) == credentials
    assert write_credentials(read_credentials(written)) == written


def test_it_is_compact_json_without_what_is_absent():
    credentials = Credentials(
        secrets=(SigningSecret("new"), SigningSecret("old", 1_772_000_000_000)),
        auth=OAuth2Auth("https://id.example/token", "me", "s€cret"),
    )
    assert (
        write_credentials(credentials)
        == (
            '{"secrets":[{"value":"new"},{"value":"old","expires_at_ms":1772000000000}],'
            '"auth":{"type":"oauth2","token_url":"https://id.example/token","client_id":"me",'
            '"client_secret":"s€cret"}}'
        ).encode()
    )
    assert write_credentials(Credentials()) == b"{}"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"", "credentials: Input data was truncated"),
        (b"{", "credentials: Input data was truncated"),
        (b"[]", "credentials: Expected `object`, got `array`"),
        (b"{} {}", "credentials: JSON is malformed"),
        (b'{"secret":[]}', "credentials: Object contains unknown field `secret`"),
        (b'{"secrets":["x"]}', r"got `str` - at `\$\.secrets\[0\]`"),
        (b'{"secrets":[{"expires_at_ms":1}]}', "missing required field `value`"),
        (b'{"secrets":[{"value":"x","expires_at_ms":1.5}]}', r"`\$\.secrets.*expires_at_ms`"),
        (b'{"auth":{"token":"x"}}', r"missing required field `type` - at `\$\.auth`"),
        (b'{"auth":{"type":"magic"}}', r"Invalid value 'magic' - at `\$\.auth\.type`"),
        (b'{"auth":{"type":"bearer","token":"x","scope":"y"}}', "unknown field `scope`"),
        (b'{"auth":{"type":"bearer","token":null}}', r"got `null` - at `\$\.auth\.token`"),
        (b'{"secrets":[{"value":"\xff"}]}', "credentials: not UTF-8"),
        (b'{"secrets":[{"value":"\\ud800"}]}', "credentials: "),
        (b'{"auth":{"x":' + b"[" * 100_000 + b"}}", "credentials: too deeply nested"),
        (b" " * (MAX_CREDENTIALS_BYTES + 1), "bytes are too many: at most 262144"),
    ],
)
def test_what_nobody_wrote_is_refused_with_its_place(written: bytes, message: str):
    with pytest.raises(InvalidCredentials, match=message):
        read_credentials(written)


def test_a_text_that_utf_8_cannot_hold_is_not_written_and_not_shown():
    with pytest.raises(InvalidCredentials, match="half a surrogate pair") as refused:
        write_credentials(Credentials(auth=TokenAuth("topsecret\ud800")))
    assert refused.value.__context__ is None


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_without_being_shown(written: bytes):
    refused: InvalidCredentials | None = None
    try:
        read_credentials(written)
    except InvalidCredentials as exc:
        refused = exc
    assert refused is None or refused.__context__ is None


def test_no_secret_is_in_a_repr():
    credentials = Credentials(
        secrets=(SigningSecret("topsecret"),), auth=BasicAuth("me", "topsecret")
    )
    assert "topsecret" not in repr(credentials)
