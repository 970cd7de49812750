"""The socket that the API is reached at."""

from __future__ import annotations

import socket
from typing import Final

BACKLOG: Final = 2048
"""Connections that wait to be taken, while nobody does."""
_STUCK_MS: Final = 30_000
"""A client that takes nothing of its answer for so long is given up."""
_TCP_USER_TIMEOUT: Final = 18
"""Of Linux; not every Python names it."""


class PortRefused(Exception):
    """The API's port or host cannot be had; the text names the setting."""


def open_listener(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one.

    Raises:
        PortRefused: see there.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as exc:
        raise PortRefused(
            f"port {port} on {host} cannot be used: {exc.strerror}; end what listens there, or "
            "set PIPELINE_API__PORT to another port (PIPELINE_API__HOST names the address)"
        ) from exc
    # Connections inherit it.
    option = getattr(socket, "TCP_USER_TIMEOUT", _TCP_USER_TIMEOUT)
    listener.setsockopt(socket.IPPROTO_TCP, option, _STUCK_MS)
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where it is reached, from this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
