"""What to change where Kafka is not reached because of TLS or a password, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipeline.adapters.kafka.tls_probe import speaks_tls, tls_trouble

_SETTING: Final = "in PIPELINE_KAFKA__OPTIONS"
_PLAIN: Final = frozenset({"plaintext", "sasl_plaintext"})
_HINTS: Final = (
    # What librdkafka's text contains, and what to look at. The first that fits.
    ("invalid credentials", f"check sasl.username and sasl.password {_SETTING}"),
    ("Unsupported SASL mechanism", f"set sasl.mechanism to one of these {_SETTING}"),
    (
        "current SASL state",
        f"it wants no password, or not in clear: check security.protocol {_SETTING}",
    ),
    (
        "alert",
        f"it wants another client's certificate: check ssl.certificate.location {_SETTING}",
    ),
    ("SASL", f"check sasl.mechanism, sasl.username and sasl.password {_SETTING}"),
)
_FILES: Final = ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location")


def explained(reason: str | None, connection: Mapping[str, object]) -> str | None:
    """The reason why nobody answers, with what to change; None where nothing is known."""
    if reason is None:
        return _why_silent(connection)
    if "certificate verify failed" in reason:
        return _why_distrusted(connection)
    if "SSL" not in reason and "SASL" not in reason:
        return reason
    if "SSL" in reason and not speaks_tls(connection):
        return f"{reason}: it speaks no TLS: check security.protocol {_SETTING}"
    hint = next((hint for found, hint in _HINTS if found in reason), None)
    return f"{reason}: {hint}" if hint else reason


def refused_option(text: str) -> str:
    """What librdkafka says of an option that it does not take, with where it is set."""
    file = next((name for name in _FILES if name in text), None)
    hint = f"see that the file of {file} is there, can be read and is PEM; " if file else ""
    return f"{text}: {hint}it is set {_SETTING}"


def _why_distrusted(connection: Mapping[str, object]) -> str:
    trouble = tls_trouble(connection) or "not trusted"
    if "expired" in trouble or "not yet valid" in trouble:
        return (
            f"its certificate cannot be used ({trouble}): renew it on the brokers, or set this "
            "machine's clock"
        )
    if "match" in trouble:
        return (
            f"its certificate is another's ({trouble}): name the brokers in "
            "PIPELINE_KAFKA__BOOTSTRAP_SERVERS as their certificates do"
        )
    return f"its certificate is not trusted ({trouble}): check ssl.ca.location {_SETTING}"


def _why_silent(connection: Mapping[str, object]) -> str | None:
    protocol = str(connection.get("security.protocol", "plaintext")).lower()
    if protocol in _PLAIN and speaks_tls(connection):
        with_tls = "SASL_SSL" if protocol.startswith("sasl") else "SASL_SSL (with a user) or SSL"
        return f"it speaks TLS: set security.protocol to {with_tls} {_SETTING}"
    if protocol == "ssl" and speaks_tls(connection):
        return (
            "TLS works, and it says nothing after that; if it wants a user, set security.protocol "
            f"to SASL_SSL and sasl.mechanism, sasl.username and sasl.password {_SETTING}"
        )
    return None
