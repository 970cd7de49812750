"""A broker's key and certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


def server_identity(authority: trustme.CA, *, days: float = 1.0) -> bytes:
    """For 127.0.0.1, in PEM; of less than 0 days it has expired."""
    now = datetime.now(UTC)  # noqa: TID251 - certificates are judged by the real time
    issued = authority.issue_cert(
        "127.0.0.1", not_before=now - timedelta(days=30), not_after=now + timedelta(days=days)
    )
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    # Kafka reads no other form of a key.
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem + b"".join(each.bytes() for each in issued.cert_chain_pems)
