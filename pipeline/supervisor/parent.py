"""A child's side: begin when the parent says so, end when it is gone, however it went."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

BEGIN: Final = b"\n"
"""What the parent writes."""
LAST_RESORT_SECONDS: Final = 12.0
"""A process that SIGTERM has not ended by then ends anyway: nobody is left who would kill it."""


def follow_parent() -> None:
    """Return when the parent lets this process begin: what can be prepared before is prepared.

    Standard input is a pipe that the parent holds open. Once it ends, this process gets SIGTERM,
    and SIGKILL where that does not end it within `LAST_RESORT_SECONDS`. Ends at once where the
    parent has gone before it said so.
    """
    if not _read():
        sys.exit(0)
    threading.Thread(target=_watch, name="parent", daemon=True).start()


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
