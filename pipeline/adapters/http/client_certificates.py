"""Client certificates for mutual TLS, as libcurl takes them."""

from __future__ import annotations

from pipeline.adapters.http.exchange import ClientCertificate
from pipeline.domain.client_certificates import check_client_certificate


def parse_client_certificate(certificate: str, private_key: str) -> ClientCertificate:
    """A certificate with the key that belongs to it; raises ClientCertificateRefused."""
    check_client_certificate(certificate, private_key)
    return ClientCertificate(certificate.encode(), private_key.encode())
