"""Secrets: which are taken, which keys they hold, and that no message quotes one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.profile import KeyForm
from pipeline.domain.signing_secrets import (
    InvalidSecret,
    check_secret,
    ed25519_key,
    new_secret,
    public_key,
    symmetric_key,
    text_key,
)

WHSK = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
WHPK = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def written(prefix: str, raw: bytes) -> str:
    return prefix + base64.b64encode(raw).decode()


@given(st.binary(min_size=24, max_size=64))
def test_a_symmetric_secret_holds_its_decoded_bytes(key: bytes):
    assert symmetric_key(written("whsec_", key)) == key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (written("whsec_", b"x" * 23), "secret has 23 bytes after whsec_: use the base64 of 24-64"),
        (written("whsec_", b"x" * 65), "secret has 65 bytes after whsec_"),
        (written("whsec_", b"x" * 96), "secret has 96 bytes after whsec_"),
        ("whsec_", "secret has 0 bytes after whsec_"),
        ("", "secret does not begin with whsec_"),
        (written("whsk_", b"x" * 32), "secret does not begin with whsec_"),
        (
            written("whsec_", b"x" * 25).rstrip("="),
            "secret is not standard base64 .* padded with =",
        ),
        ("whsec_" + "-_" * 16, "secret is not standard base64"),
        ("whsec_" + "é" * 32, "secret is not standard base64"),
        ("whsec_" + "\ud800" * 32, "secret is not standard base64"),
        ("whsec_" + "AAAA" * 8 + "\n", "secret is not standard base64"),
        ("whsec_" + "A" * 10**6, "secret has 1000000 characters after whsec_: that is too long"),
    ],
)
def test_another_symmetric_secret_is_refused(text: str, message: str):
    with pytest.raises(InvalidSecret, match=message):
        symmetric_key(text)


def test_a_signing_key_is_a_seed_with_or_without_its_public_key():
    raw = base64.b64decode(WHSK.removeprefix("whsk_"))
    assert ed25519_key(WHSK).private_bytes_raw() == raw[:32]
    assert ed25519_key(written("whsk_", raw[:32])).private_bytes_raw() == raw[:32]
    assert public_key(WHSK) == WHPK
    assert public_key(written("whsk_", raw[:32])) == WHPK


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (written("whsk_", b"x" * 33), "signing_key has 33 bytes after whsk_"),
        (written("whsk_", b"x" * 64), "signing_key holds a public key that is not its seed's"),
        (WHPK, "signing_key does not begin with whsk_"),
    ],
)
def test_another_signing_key_is_refused(text: str, message: str):
    with pytest.raises(InvalidSecret, match=message):
        ed25519_key(text)


def test_a_text_secret_is_its_characters():
    assert text_key("pässword") == "pässword".encode()
    assert text_key("a" * 256) == b"a" * 256
    assert text_key("a") == b"a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "secret has 0 characters: use 1-256"),
        ("a" * 257, "secret has 257 characters: use 1-256"),
        ("ab\ud800", "secret has half a surrogate pair at character 3"),
    ],
)
def test_another_text_secret_is_refused(text: str, message: str):
    with pytest.raises(InvalidSecret, match=message):
        text_key(text)


@pytest.mark.parametrize("form", list(KeyForm))
def test_a_new_secret_is_in_its_form_and_made_of_the_given_bytes(form: KeyForm):
    made = new_secret(form, bytes(range(32)))
    check_secret(made, form, field="secret")
    assert made == new_secret(form, bytes(range(32)))
    assert made != new_secret(form, bytes(range(1, 33)))
    with pytest.raises(ValueError, match="32 random bytes"):
        new_secret(form, bytes(31))


def test_a_new_signing_key_holds_its_public_key():
    made = new_secret(KeyForm.WHSK, bytes(range(32)))
    raw = base64.b64decode(made.removeprefix("whsk_"))
    assert raw[:32] == bytes(range(32))
    assert written("whpk_", raw[32:]) == public_key(made)


@pytest.mark.parametrize("form", list(KeyForm))
def test_a_secret_of_no_form_is_refused_by_name(form: KeyForm):
    with pytest.raises(InvalidSecret, match=r"^my_field "):
        check_secret("", form, field="my_field")


@given(
    st.sampled_from(["", "whsec_", "whsk_", "whpk_"]),
    st.text(min_size=8, max_size=300),
    st.sampled_from([KeyForm.WHSEC, KeyForm.WHSK]),
)
def test_no_message_quotes_a_secret(prefix: str, tail: str, form: KeyForm):
    refused: InvalidSecret | None = None
    try:
        check_secret(prefix + tail, form, field="secret")
    except InvalidSecret as exc:
        refused = exc
    assert tail not in str(refused)
    assert refused is None or refused.__context__ is None
