"""Whether this process is to end: asked by a signal or by itself, once or urgently."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Final, Self

_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ending:
    """SIGTERM, SIGINT and SIGHUP, while it is entered. Main thread only, but for `ask`.

    A signal handler may not touch a lock that the code it interrupts may hold, as `threading.Event`
    does: it sets a flag, and the signal's own byte in a pipe ends a wait.
    """

    def __init__(self) -> None:
        self._times_asked = 0
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):
            os.set_blocking(end, False)

    def __enter__(self) -> Self:
        self._before = {number: signal.getsignal(number) for number in (*_ENDING, signal.SIGCHLD)}
        for number in _ENDING:
            if self._before[number] is not signal.SIG_IGN:  # as nohup says
                signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, _wake_only)
        self._wakeup_before = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            if handler is not None:  # None: not made by Python, so it cannot be put back
                signal.signal(number, handler)
        os.close(self._read_end)
        os.close(self._write_end)

    @property
    def is_asked(self) -> bool:
        """Whether to end."""
        return self._times_asked > 0

    @property
    def is_urgent(self) -> bool:
        """Whether somebody asked again, and so does not want to wait."""
        return self._times_asked > 1

    def ask(self) -> None:
        """Ask to end, if nobody did. Any thread."""
        self._times_asked = max(self._times_asked, 1)
        with suppress(OSError):  # it has ended, or is awake as it is
            os.write(self._write_end, b"\0")

    def wait(self, seconds: float) -> bool:
        """Wait so long, less if a signal comes or a child ends; answers `is_asked`."""
        if not self.is_asked:
            self.pause(seconds)
        return self.is_asked

    def pause(self, seconds: float) -> None:
        """The same, whether or not to end."""
        readable, _, _ = select.select([self._read_end], [], [], seconds)
        if readable:
            os.read(self._read_end, 1024)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._times_asked += 1


def _wake_only(_number: int, _frame: FrameType | None) -> None:
    """The byte in the pipe is all that is wanted of the signal."""
