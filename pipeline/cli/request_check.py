"""Whether a request is genuine, as its receiver would find out.

Standard Webhooks (`v1`: HMAC, `v1a`: ed25519) and Twenty's signature. Written from their documents:
nothing here may use what makes the requests.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_TOLERANCE_MS: Final = 300_000
_SECOND_MS: Final = 1_000
_SYMMETRIC: Final = "whsec_"
_PUBLIC: Final = "whpk_"
_TWENTY: Final = "x-twenty-webhook-"


class UnusableSecret(Exception):
    """It is in no form that a secret has; the text says in which one it should be."""


class Keys(NamedTuple):
    """What signatures are checked with."""

    v1: Sequence[bytes]
    v1a: Sequence[Ed25519PublicKey]
    texts: Sequence[bytes]
    """For products that sign with the text itself."""

    @property
    def are_given(self) -> bool:
        return bool(self.v1 or self.v1a or self.texts)


class Verdict(NamedTuple):
    """What a receiver would think of a request."""

    text: str
    is_refused: bool = False


def read_keys(secrets: Sequence[str]) -> Keys:
    """Raises UnusableSecret."""
    v1 = [_decoded(each, _SYMMETRIC) for each in secrets if each.startswith(_SYMMETRIC)]
    public = [_decoded(each, _PUBLIC) for each in secrets if each.startswith(_PUBLIC)]
    texts = [each.encode() for each in secrets if not each.startswith((_SYMMETRIC, _PUBLIC))]
    try:
        return Keys(v1, [Ed25519PublicKey.from_public_bytes(each) for each in public], texts)
    except ValueError as exc:
        raise UnusableSecret(f"a public key is {_PUBLIC} and 32 bytes in base64: {exc}") from exc


def _decoded(secret: str, prefix: str) -> bytes:
    try:
        return b64decode(secret.removeprefix(prefix), validate=True)
    except ValueError as exc:
        raise UnusableSecret(f"what follows {prefix} is not base64: {exc}") from exc


def check(headers: Mapping[str, str], body: bytes, *, keys: Keys, now_ms: int) -> Verdict:
    """`headers` by lower-case names. Unsigned requests are refused where there are keys."""
    if "webhook-signature" in headers:
        return _check_standard(headers, body, keys=keys, now_ms=now_ms)
    if f"{_TWENTY}signature" in headers:
        return _check_twenty(headers, body, keys=keys, now_ms=now_ms)
    return Verdict("unsigned", is_refused=keys.are_given)


def _check_standard(headers: Mapping[str, str], body: bytes, *, keys: Keys, now_ms: int) -> Verdict:
    signatures = [
        (scheme, value)
        for scheme, _, value in (
            text.partition(",") for text in headers["webhook-signature"].split(" ")
        )
    ]
    told = ", ".join(sorted({scheme for scheme, _ in signatures}))
    if not (keys.v1 or keys.v1a):
        return Verdict(f"signed ({told}), not verified: no --secret")
    timestamp = headers.get("webhook-timestamp", "")
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    found = [scheme for scheme, value in signatures if _is_genuine(scheme, value, signed, keys)]
    if not found:
        return Verdict(f"WRONG: no signature ({told}) matches", is_refused=True)
    return _timely(timestamp, _SECOND_MS, now_ms=now_ms) or Verdict(f"genuine ({', '.join(found)})")


def _is_genuine(scheme: str, value: str, signed: bytes, keys: Keys) -> bool:
    try:
        signature = b64decode(value, validate=True)
    except ValueError:
        return False
    if scheme == "v1":
        made = [hmac.digest(key, signed, hashlib.sha256) for key in keys.v1]
        return any(hmac.compare_digest(each, signature) for each in made)
    return scheme == "v1a" and any(_verifies(key, signature, signed) for key in keys.v1a)


def _verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _check_twenty(headers: Mapping[str, str], body: bytes, *, keys: Keys, now_ms: int) -> Verdict:
    if not keys.texts:
        return Verdict("signed (Twenty), not verified: no --secret")
    timestamp = headers.get(f"{_TWENTY}timestamp", "")
    signed = timestamp.encode() + b":" + body
    made = [hmac.new(key, signed, hashlib.sha256).hexdigest() for key in keys.texts]
    given = headers[f"{_TWENTY}signature"].encode()
    if not any(hmac.compare_digest(each.encode(), given) for each in made):
        return Verdict("WRONG: the signature (Twenty) does not match", is_refused=True)
    return _timely(timestamp, 1, now_ms=now_ms) or Verdict("genuine (Twenty)")


def _timely(timestamp: str, unit_ms: int, *, now_ms: int) -> Verdict | None:
    """None where it is of now: an older request may be one that somebody has kept."""
    if timestamp.isdecimal() and abs(int(timestamp) * unit_ms - now_ms) <= _TOLERANCE_MS:
        return None
    return Verdict(f"WRONG: signed at {timestamp!r}, more than 5 min from now", is_refused=True)
