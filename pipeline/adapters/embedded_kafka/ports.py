"""Chooses the broker's ports on loopback."""

from __future__ import annotations

import errno
import random
import socket
from typing import Final

from pipeline.adapters.embedded_kafka.errors import PortInUse
from pipeline.adapters.embedded_kafka.server_properties import Listeners

# Below where kernels take the ports of outgoing connections from (Linux: 32768, macOS: 49152). In
# that range a client that reconnects to a broker that is down can be given the broker's own port,
# and then the broker cannot have it back.
_CHOICE: Final = range(20_000, 32_000)
_TRIES: Final = 200


def _is_free(port: int) -> bool:
    """Whether the broker could listen on the port; one that only waits out old connections is free.

    Raises:
        PortInUse: this user may not listen on the port at all.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the broker does
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                return False
            raise PortInUse(f"Port {port} cannot be used: {exc}") from exc
    return True


def free_listeners() -> Listeners:
    """Two free ports, whichever.

    Raises:
        PortInUse: there are none.
    """
    return choose_listeners(wanted=None, last_port=None, last_controller_port=None)


def choose_listeners(
    *, wanted: int | None, last_port: int | None, last_controller_port: int | None
) -> Listeners:
    """The wanted port if there is one, else the last one if it is still free, else another.

    Raises:
        PortInUse: the wanted port is taken, or there is none left.
    """
    if wanted is not None and not _is_free(wanted):
        raise PortInUse(
            f"Port {wanted} on 127.0.0.1 is taken by another process. End that one, or set "
            "PIPELINE_KAFKA__EMBEDDED_PORT to a free port (if it is not set, one is chosen)."
        )
    port = wanted or _last_if_free(last_port) or _some_free_port(other_than=last_controller_port)
    controller_port = None if last_controller_port == port else _last_if_free(last_controller_port)
    return Listeners(port, controller_port or _some_free_port(other_than=port))


def _last_if_free(port: int | None) -> int | None:
    return port if port is not None and _is_free(port) else None


def _some_free_port(*, other_than: int | None) -> int:
    for port in random.sample(_CHOICE, _TRIES):
        if port != other_than and _is_free(port):
            return port
    raise PortInUse(
        f"No free port was found from {_CHOICE.start} to {_CHOICE.stop}; set "
        "PIPELINE_KAFKA__EMBEDDED_PORT to one."
    )
