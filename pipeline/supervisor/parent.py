"""A child's side: end when the parent is gone, however it went."""

from __future__ import annotations

import os
import signal
import sys
import threading


def follow_parent() -> None:
    """Send this process SIGTERM once its standard input, a pipe that the parent holds open, ends."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
