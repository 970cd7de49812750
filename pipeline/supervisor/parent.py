"""A child's side: end when the parent is gone, however it went."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

LAST_RESORT_SECONDS: Final = 12.0
"""A process that SIGTERM has not ended by then ends anyway: nobody is left who would kill it."""


def follow_parent() -> None:
    """Send this process SIGTERM once its standard input, a pipe that the parent holds open, ends.

    Where that does not end it within `LAST_RESORT_SECONDS`, SIGKILL.
    """
    threading.Thread(target=_watch, name="parent", daemon=True).start()


def _watch() -> None:
    try:
        while os.read(sys.stdin.fileno(), 1024):
            pass
    except OSError:
        pass  # no pipe any more is no parent any more
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(LAST_RESORT_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
