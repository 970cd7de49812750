"""A child's side: end when the parent is gone, however it went; begin when it says so."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

HELD: Final = "WEBHOOK_PIPELINE_HELD"
"""In the environment of a child that is to begin only when its parent says so."""
BEGIN: Final = b"\n"
"""How it says so."""
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
