"""What the demo's endpoints share with its receiver: the same at every run, worth nothing."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """Derived, not drawn: an endpoint that is applied again is then unchanged."""

    token: str
    text_secret: str
    hmac_secret: str
    """As endpoints have it, `whsec_...`."""
    ed25519_seed: bytes

    @property
    def ed25519_key(self) -> str:
        """As endpoints have it, `whsk_...`."""
        public = self.ed25519_public.public_bytes_raw()
        return "whsk_" + b64encode(self.ed25519_seed + public).decode()

    @property
    def ed25519_public(self) -> Ed25519PublicKey:
        """What a receiver verifies v1a with."""
        return Ed25519PrivateKey.from_private_bytes(self.ed25519_seed).public_key()


def demo_keys() -> DemoKeys:
    """The same at every run."""
    return DemoKeys(
        token=_derived("token").hex(),
        text_secret=_derived("text secret").hex(),
        hmac_secret="whsec_" + b64encode(_derived("hmac secret")).decode(),
        ed25519_seed=_derived("ed25519 seed"),
    )


def _derived(name: str) -> bytes:
    return sha256(f"webhook-pipeline demo {name}".encode()).digest()
