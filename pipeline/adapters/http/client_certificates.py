"""Client certificates for mutual TLS, checked before a connection is ever tried with them."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificates

from pipeline.adapters.http.exchange import ClientCertificate


class ClientCertificateRefused(ValueError):
    """The certificate or its key cannot be used; the message says which and why."""


def parse_client_certificate(certificate: str, private_key: str) -> ClientCertificate:
    """A certificate with the key that belongs to it; raises ClientCertificateRefused.

    That they belong together matters to other tenants: libcurl shares connections between requests
    with one certificate without looking at the key, so somebody else's certificate (it is public)
    with a wrong key would ride on the connections of its owner.
    """
    try:
        leaf = load_pem_x509_certificates(certificate.encode())[0]
    except ValueError as exc:
        raise ClientCertificateRefused(f"the client certificate is not PEM: {exc}") from exc
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except TypeError as exc:
        raise ClientCertificateRefused("the private key has a pass phrase: remove it") from exc
    except ValueError as exc:
        raise ClientCertificateRefused(f"the private key is not PEM: {exc}") from exc
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if leaf.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise ClientCertificateRefused("the private key does not belong to the client certificate")
    return ClientCertificate(certificate.encode(), private_key.encode())
