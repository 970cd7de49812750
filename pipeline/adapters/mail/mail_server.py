"""The operator's mail server, as a URL names it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_DEFAULT_PORTS: Final = {"smtp": 587, "smtps": 465}
_LOCAL_NAMES: Final = frozenset({"localhost"})


class MailServerRefused(ValueError):
    """The setting names no usable mail server; the message says why and never quotes it."""


class StartTls(StrEnum):
    """Whether a connection that begins in clear is secured before anything is said over it."""

    ALWAYS = "always"
    OFFERED = "offered"
    """Where the server offers it: any active attacker can take the offer away."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over, and as whom."""

    host: str
    port: int
    is_tls: bool
    """From the first byte (`smtps`)."""
    start_tls: StartTls
    username: str | None = None
    password: str = field(default="", repr=False)


def parse_mail_url(url: str) -> MailServer:
    """`smtp://user:password@host:port` or `smtps://...`, percent-encoded where need be.

    With a password STARTTLS must succeed before it is sent, but on this very machine; without one
    it is used where the server offers it. `?starttls=always|offered|never` says otherwise.

    Raises:
        MailServerRefused: it is not such a URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path not in {"", "/"}:
        raise MailServerRefused(
            "the mail server's URL must be smtp://user:password@host:port, or smtps://...;"
            " write what is special in the password percent-encoded (%40 for @)"
        )
    username = unquote(parts.username) if parts.username else None
    is_tls = parts.scheme == "smtps"
    return MailServer(
        parts.hostname,
        port or _DEFAULT_PORTS[parts.scheme],
        is_tls,
        StartTls.NEVER if is_tls else _start_tls(parts, has_password=username is not None),
        username,
        unquote(parts.password or ""),
    )


def _start_tls(parts: SplitResult, *, has_password: bool) -> StartTls:
    options = dict(parse_qsl(parts.query))
    wanted = options.pop("starttls", None)
    if options or (wanted is not None and wanted not in set(StartTls)):
        raise MailServerRefused(
            f"the mail server's URL may end with ?starttls={'|'.join(StartTls)} and nothing else"
        )
    if wanted is not None:
        return StartTls(wanted)
    return StartTls.ALWAYS if has_password and not _is_here(parts) else StartTls.OFFERED


def _is_here(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOCAL_NAMES
