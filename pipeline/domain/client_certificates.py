"""Client certificates for mutual TLS, checked before a connection is ever tried with them."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, load_pem_x509_certificates


class ClientCertificateRefused(ValueError):
    """The certificate or its key cannot be used; the message says which and why.

    `field` is `certificate` or `private_key`. Nothing of a key is in it.
    """

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def check_client_certificate(certificate: str, private_key: str) -> None:
    """Do nothing where the key, in PEM and not locked, belongs to the first certificate.

    That they belong together matters to other tenants: libcurl shares connections between requests
    with one certificate without looking at the key, so somebody else's certificate (it is public)
    with a wrong key would ride on the connections of its owner.

    Raises:
        ClientCertificateRefused: it does not, or one of them is not PEM.
    """
    leaf, key = _certificates(certificate)[0], _private_key(private_key)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        belongs = leaf.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ClientCertificateRefused(
            "certificate", f"the client certificate's key cannot be used: {exc}"
        ) from exc
    if not belongs:
        raise ClientCertificateRefused(
            "private_key", "the private key does not belong to the client certificate"
        )


def check_validity(certificate: str, *, now_ms: int) -> None:
    """Do nothing where each certificate of the chain is valid now.

    Raises:
        ClientCertificateRefused: one is not yet, or not any more, or it is not PEM.
    """
    now = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    for number, each in enumerate(_certificates(certificate)):
        which = (
            "the client certificate" if number == 0 else f"certificate {number + 1} of the chain"
        )
        if each.not_valid_after_utc < now:
            ended = f"{each.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
            raise ClientCertificateRefused("certificate", f"{which} expired at {ended}: renew it")
        if each.not_valid_before_utc > now:
            begins = f"{each.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            raise ClientCertificateRefused("certificate", f"{which} is not valid before {begins}")


def _certificates(text: str) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(text.encode())
    except ValueError as exc:
        raise ClientCertificateRefused(
            "certificate", f"the client certificate is not PEM: {exc}"
        ) from exc


def _private_key(text: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(text.encode(), password=None)
    except TypeError:
        problem = "the private key has a pass phrase: remove it, the key is stored sealed"
    except (ValueError, UnsupportedAlgorithm):
        # Without the cause: nothing of a key belongs into a log.
        problem = "the private key is not PEM that can be used"
    raise ClientCertificateRefused("private_key", problem)
