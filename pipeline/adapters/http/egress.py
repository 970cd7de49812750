"""The proxy through which an operator lets webhooks out."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 3128, "https": 443}
_SCHEMES = ", ".join(f"{scheme}://" for scheme in _DEFAULT_PORTS)
_UNREADABLE = (
    "the proxy's URL cannot be read: write http://user:password@host:3128, and in user and "
    "password %40 for @, %2F for /, %3A for :"
)


class ProxyRefused(ValueError):
    """The setting names no usable proxy; the message says why."""


def in_brackets(host: str) -> str:
    """A host as URLs have it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


class EgressProxy(NamedTuple):
    """A proxy that is asked to connect to addresses that were vetted here."""

    url: str
    """With its port: libcurl's own default is another one."""
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
    except ValueError:
        # What is wrong may be a part of the password.
        raise ProxyRefused(_UNREADABLE) from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ProxyRefused(f"the proxy's URL must begin with one of {_SCHEMES}")
    if not host:
        raise ProxyRefused("the proxy's URL names no host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ProxyRefused(_UNREADABLE)
    port = port or _DEFAULT_PORTS[parts.scheme]
    user, at, _ = parts.netloc.rpartition("@")
    return EgressProxy(f"{parts.scheme}://{user}{at}{in_brackets(host)}:{port}", host, port)
