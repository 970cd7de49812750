"""Secrets as people carry them, and the keys in them.

`whsec_` is a symmetric secret of Standard Webhooks, `whsk_` an ed25519 key and `whpk_` its public
half; other products take any text. No message ever quotes a secret.
"""

from __future__ import annotations

import binascii
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.domain.profile import KeyForm

SYMMETRIC_PREFIX: Final = "whsec_"
SIGNING_KEY_PREFIX: Final = "whsk_"
PUBLIC_KEY_PREFIX: Final = "whpk_"

MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64
SEED_BYTES: Final = 32
NEW_SECRET_BYTES: Final = 32
"""How many random bytes `new_secret` takes."""

_KEY_PAIR_BYTES: Final = 2 * SEED_BYTES
_MAX_TEXT_CHARS: Final = 256
# Enough for 64 bytes in base64; what is longer need not be decoded to be refused.
_MAX_BASE64_CHARS: Final = 128


class InvalidSecret(ValueError):
    """A secret is not in the form asked for; the message names the field and the fix."""


def symmetric_key(text: str, *, field: str = "secret") -> bytes:
    """The key in a `whsec_` secret: its 24-64 decoded bytes.

    Raises:
        InvalidSecret: another prefix, no standard base64, or another length.
    """
    key = _decoded(text, SYMMETRIC_PREFIX, field)
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise InvalidSecret(
            f"{field} has {len(key)} bytes after {SYMMETRIC_PREFIX}:"
            f" use the base64 of {MIN_KEY_BYTES}-{MAX_KEY_BYTES} random bytes"
        )
    return key


def text_key(text: str, *, field: str = "secret") -> bytes:
    """The key in a secret that is any text: its UTF-8 bytes.

    Raises:
        InvalidSecret: it has not 1-256 characters, or cannot be written in UTF-8.
    """
    if not 1 <= len(text) <= _MAX_TEXT_CHARS:
        raise InvalidSecret(f"{field} has {len(text)} characters: use 1-{_MAX_TEXT_CHARS}")
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        # Without the cause: its message holds the secret.
        place = exc.start + 1
    raise InvalidSecret(f"{field} has half a surrogate pair at character {place}: leave it out")


def ed25519_key(text: str, *, field: str = "signing_key") -> Ed25519PrivateKey:
    """The key in a `whsk_`: a seed of 32 bytes, alone or with the public key of 32 bytes after it.

    Raises:
        InvalidSecret: another prefix, no standard base64, another length, or a public key that is
            not the seed's.
    """
    raw = _decoded(text, SIGNING_KEY_PREFIX, field)
    if len(raw) not in {SEED_BYTES, _KEY_PAIR_BYTES}:
        raise InvalidSecret(
            f"{field} has {len(raw)} bytes after {SIGNING_KEY_PREFIX}: use the base64 of a seed of"
            f" {SEED_BYTES} bytes, alone or followed by its public key of {SEED_BYTES}"
        )
    key = Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES])
    if raw[SEED_BYTES:] not in {b"", key.public_key().public_bytes_raw()}:
        raise InvalidSecret(
            f"{field} holds a public key that is not its seed's: leave the last 32 bytes out"
        )
    return key


def public_key(signing_key: str) -> str:
    """The `whpk_` of a `whsk_`: what receivers verify with.

    Raises:
        InvalidSecret: it is no `whsk_`.
    """
    key = ed25519_key(signing_key).public_key()
    return PUBLIC_KEY_PREFIX + _base64(key.public_bytes_raw())


def check_secret(text: str, form: KeyForm, *, field: str) -> None:
    """Nothing, if the text is a secret of that form.

    Raises:
        InvalidSecret: it is not.
    """
    match form:
        case KeyForm.WHSEC:
            symmetric_key(text, field=field)
        case KeyForm.WHSK:
            ed25519_key(text, field=field)
        case KeyForm.TEXT:
            text_key(text, field=field)


def new_secret(form: KeyForm, random_bytes: bytes) -> str:
    """A secret of that form from 32 random bytes."""
    if len(random_bytes) != NEW_SECRET_BYTES:
        raise ValueError(f"a secret is made of {NEW_SECRET_BYTES} random bytes")
    match form:
        case KeyForm.WHSEC:
            return SYMMETRIC_PREFIX + _base64(random_bytes)
        case KeyForm.WHSK:
            key = Ed25519PrivateKey.from_private_bytes(random_bytes)
            return SIGNING_KEY_PREFIX + _base64(random_bytes + key.public_key().public_bytes_raw())
        case KeyForm.TEXT:
            return random_bytes.hex()


def _decoded(text: str, prefix: str, field: str) -> bytes:
    if not text.startswith(prefix):
        raise InvalidSecret(f"{field} does not begin with {prefix}: write {prefix} and base64")
    encoded = text[len(prefix) :]
    if len(encoded) > _MAX_BASE64_CHARS:
        raise InvalidSecret(
            f"{field} has {len(encoded)} characters after {prefix}: that is too long"
        )
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        # Without the cause: nothing of a secret belongs into a log.
        pass
    raise InvalidSecret(
        f"{field} is not standard base64 after {prefix}: use A-Z, a-z, 0-9, + and /, padded with ="
    )


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode("ascii")
