"""The certificate authorities that receivers' certificates are checked against."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import certifi


class AuthoritiesRefused(ValueError):
    """The file of additional certificate authorities cannot be used; the message names it."""


@contextmanager
def trusted_authorities(additional: Path | None) -> Generator[Path]:
    """A PEM file with the public authorities and those of `additional`, while the context lasts.

    One file rather than two sources, because libcurl keeps the parsed authorities of a single file
    for all connections and would parse anything else at each handshake. Raises AuthoritiesRefused.
    """
    public = Path(certifi.where())
    if additional is None:
        yield public
        return
    text = _read_authorities(additional)
    with tempfile.NamedTemporaryFile(prefix="authorities-", suffix=".pem") as bundle:
        bundle.write(public.read_bytes() + b"\n" + text)
        bundle.flush()
        yield Path(bundle.name)


def _read_authorities(path: Path) -> bytes:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        return path.read_bytes()
    except (OSError, ssl.SSLError) as exc:
        raise AuthoritiesRefused(f"{path} holds no certificate authorities in PEM: {exc}") from exc
