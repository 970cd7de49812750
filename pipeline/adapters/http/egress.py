"""The proxy through which an operator lets webhooks out."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 3128, "https": 443}


class ProxyRefused(ValueError):
    """The setting names no usable proxy; the message says why."""


def in_brackets(host: str) -> str:
    """A host as URLs have it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


class EgressProxy(NamedTuple):
    """A proxy that is asked to connect to addresses that were vetted here."""

    url: str
    host: str
    port: int

    @property
    def host_and_port(self) -> str:
        """`host:port`, IPv6 in brackets."""
        return f"{in_brackets(self.host)}:{self.port}"


def parse_proxy(url: str) -> EgressProxy:
    """`http://` or `https://`, with user and password if need be. Raises ProxyRefused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ProxyRefused(f"the proxy's URL cannot be read: {exc}") from exc
    if parts.scheme not in _DEFAULT_PORTS:
        raise ProxyRefused(f"the proxy's URL must begin with one of {', '.join(_DEFAULT_PORTS)}")
    if not host:
        raise ProxyRefused("the proxy's URL names no host")
    return EgressProxy(url, host, port or _DEFAULT_PORTS[parts.scheme])
