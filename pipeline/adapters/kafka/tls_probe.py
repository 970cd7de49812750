"""Why TLS with a broker fails: librdkafka says the same of every certificate that it refuses."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Final

_ANSWER_SECONDS: Final = 2.0
_USUAL_PORT: Final = 9092


def tls_trouble(connection: Mapping[str, object]) -> str | None:
    """What is wrong with the first bootstrap server's certificate; None where nothing is.

    None, too, where it cannot be told: nobody answers, or nobody speaks TLS there.
    """
    try:
        _shake_hands(connection, _context(connection))
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_message
    except (OSError, ValueError):
        return None
    return None


def speaks_tls(connection: Mapping[str, object]) -> bool:
    """Whether the first bootstrap server answers a TLS handshake, with whatever certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent, and nothing believed
    try:
        _shake_hands(connection, context)
    except (OSError, ValueError):
        return False
    return True


def _context(connection: Mapping[str, object]) -> ssl.SSLContext:
    authorities = connection.get("ssl.ca.location")
    context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
    checked = connection.get("ssl.endpoint.identification.algorithm", "https")
    context.check_hostname = checked != "none"
    return context


def _shake_hands(connection: Mapping[str, object], context: ssl.SSLContext) -> None:
    host, port = _first(str(connection.get("bootstrap.servers", "")))
    with (
        socket.create_connection((host, port), timeout=_ANSWER_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        pass


def _first(servers: str) -> tuple[str, int]:
    """Raises ValueError."""
    server = servers.split(",", 1)[0].strip().rpartition("://")[2]
    host, colon, port = server.rpartition(":")
    if not colon or port.endswith("]"):
        return server.strip("[]"), _USUAL_PORT
    return host.strip("[]"), int(port)
