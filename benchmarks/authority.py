"""A certificate authority that lives as long as one run, and a receiver's certificate of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certified:
    """PEM files."""

    authority: Path
    """What senders must trust: PIPELINE_SENDING__CA_FILE."""
    certificate: Path
    """The receiver's key and chain."""


def certify_loopback(folder: Path) -> Certified:
    """A new authority, and a certificate of it for 127.0.0.1 (ECDSA, P-256)."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    found = Certified(folder / "authority.pem", folder / "receiver.pem")
    authority.cert_pem.write_to_path(str(found.authority))
    issued.private_key_and_cert_chain_pem.write_to_path(str(found.certificate))
    return found
