"""How a receiver verifies what an endpoint is sent, in Python, by the endpoint's profile."""

from __future__ import annotations

from typing import Final

_LIBRARY: Final = """\
from standardwebhooks import Webhook  # pip install standardwebhooks

# Raises WebhookVerificationError where the body or the headers were changed.
Webhook(secret).verify(body, headers)
"""
_ED25519: Final = """\
import base64
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
scheme, _, value = headers["webhook-signature"].partition(",")
key.verify(base64.b64decode(value), signed)  # raises InvalidSignature
"""
_TWENTY: Final = """\
import hashlib, hmac

signed = headers["X-Twenty-Webhook-Timestamp"].encode() + b":" + body
expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
assert hmac.compare_digest(expected, headers["X-Twenty-Webhook-Signature"])
"""


def snippet_of(endpoint: dict[str, object] | None) -> str | None:
    """None where its profile is not one whose signatures we can show how to verify."""
    if endpoint is None:
        return None
    if endpoint["profile"] == "twenty":
        return _TWENTY
    if endpoint["profile"] != "standard-webhooks":
        return None
    return _ED25519 if endpoint["signing"] == ["v1a"] else _LIBRARY
