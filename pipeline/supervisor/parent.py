"""A child's side: end when the parent is gone, however it went; begin when it says so."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import Final

HELD: Final = "WEBHOOK_PIPELINE_HELD"
"""In the environment of a child that is to begin only when its parent says so."""
BEGIN: Final = b"\n"
"""How it says so."""
LISTENER: Final = "WEBHOOK_PIPELINE_LISTENER"
"""In the environment of a child that serves on a socket of its parent's: the descriptor."""
STATUS_PORT: Final = "WEBHOOK_PIPELINE_STATUS_PORT"
"""In the environment of a child that tells how all its parent's children stand: whom it asks."""
LAST_RESORT_SECONDS: Final = 12.0
"""A process that SIGTERM has not ended by then ends anyway: nobody is left who would kill it."""


def follow_parent() -> None:
    """Send this process SIGTERM once its standard input, a pipe that the parent holds open, ends.

    And SIGKILL where that does not end it within `LAST_RESORT_SECONDS`. In a held process it
    returns when the parent lets it begin: what can be loaded before is loaded by then.
    """
    if os.environ.pop(HELD, None) is not None and not _read():
        sys.exit(0)  # the parent has gone before there was anything to do
    threading.Thread(target=_watch, name="parent", daemon=True).start()


def inherited_listener() -> socket.socket | None:
    """The parent's listening socket, where this process was given one."""
    descriptor = os.environ.pop(LISTENER, None)
    if descriptor is None:
        return None
    listener = socket.socket(fileno=int(descriptor))
    listener.set_inheritable(False)
    return listener


def status_port() -> int | None:
    """Where the parent tells how all its children stand, where it does."""
    port = os.environ.get(STATUS_PORT)
    return None if port is None else int(port)


def _watch() -> None:
    while _read():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(LAST_RESORT_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _read() -> bytes:
    try:
        return os.read(sys.stdin.fileno(), 1024)
    except OSError:
        return b""  # no pipe any more is no parent any more
