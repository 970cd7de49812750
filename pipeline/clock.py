"""The one place that reads the wall clock."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def now_ns() -> int:
    """Nanoseconds since the epoch, as spans have them."""
    return time.time_ns()
