from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from pipeline.domain.client_certificates import (
    ClientCertificateRefused,
    check_client_certificate,
    check_validity,
)

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def a_pair(*, lasts: timedelta = timedelta(days=1)) -> tuple[str, str]:
    issued = trustme.CA().issue_cert("sender.test", not_after=NOW + lasts)
    return issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()


def test_a_key_that_belongs_to_its_certificate_is_taken():
    check_client_certificate(*a_pair())


def test_each_fault_names_its_field_and_nothing_of_the_key():
    (certificate, key), (_, another) = a_pair(), a_pair()
    locked = load_pem_private_key(key.encode(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass phrase")
    )
    faults = {
        ("no pem", key): ("certificate", "the client certificate is not PEM"),
        (certificate, "no pem"): ("private_key", "the private key is not PEM"),
        (certificate, another): ("private_key", "the private key does not belong"),
        (certificate, locked.decode()): ("private_key", "the private key has a pass phrase"),
    }
    for pair, (field, text) in faults.items():
        with pytest.raises(ClientCertificateRefused, match=text) as refused:
            check_client_certificate(*pair)
        assert refused.value.field == field
        assert refused.value.__context__ is None or field == "certificate"


def test_an_expired_certificate_is_refused_with_the_time_of_its_end():
    certificate, _ = a_pair(lasts=timedelta(hours=1))
    check_validity(certificate, now_ms=NOW_MS)
    with pytest.raises(ClientCertificateRefused, match="expired at 2026-03-02 01:00 UTC"):
        check_validity(certificate, now_ms=NOW_MS + 3_600_001)


def test_a_certificate_of_the_future_and_an_expired_one_in_the_chain_are_refused():
    lasting, _ = a_pair(lasts=timedelta(days=100))
    ended, _ = a_pair(lasts=timedelta(hours=1))
    with pytest.raises(ClientCertificateRefused, match="certificate 2 of the chain expired"):
        check_validity(lasting + ended, now_ms=NOW_MS + 7_200_000)
    with pytest.raises(ClientCertificateRefused, match="not valid before"):
        check_validity(lasting, now_ms=0)
