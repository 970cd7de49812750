"""SIGTERM and SIGINT, from a process's first moment to its last."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StopRequests:
    """Ends the process, or lets whoever has something to finish do so first. Main thread only.

    Handlers of Python's own, not the event loop's: those go with the loop, and a request that comes
    while a failed process closes would be lost.
    """

    def __init__(self) -> None:
        self._act: Callable[[], None] | None = None
        self.is_asked = False
        """It was told to end."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _on_signal(self, _: int, __: FrameType | None) -> None:
        self.is_asked = True
        if self._act is None:
            sys.exit(0)
        self._act()

    @contextmanager
    def answered_by(self, act: Callable[[], None]) -> Generator[None]:
        """Call this instead of ending, within the block."""
        self._act = act
        try:
            yield
        finally:
            self._act = None

    def hold_back(self) -> None:
        """Let requests wait for the program that takes this process's place."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        if self.is_asked:
            sys.exit(0)
