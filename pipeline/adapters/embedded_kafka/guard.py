"""Runs the broker's Java machine and never leaves it behind. Started as a script of its own.

The guard ends the Java machine when it is told to (SIGTERM), when its parent goes, however it goes,
and at the latest some seconds after asking; and the kernel ends the Java machine should the guard
itself be killed. It lives in a session of its own, so Ctrl-C on a terminal reaches the owner, which
decides in which order things end.

    guard.py <parent's process id> <seconds to stop> <descriptor to hand on> <command> [<argument>
    ...]

Standard input is a pipe whose other end the parent holds; standard output gets one line, the
process id of the Java machine. Exits with the Java machine's status (128 + signal if a signal ended
it).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1
_PARENT_CHECK_SECONDS = 0.5
_ORPHAN_STOP_SECONDS = 10.0


def main(arguments: Sequence[str]) -> int:
    parent, stop_seconds, handed_fd = int(arguments[0]), float(arguments[1]), int(arguments[2])
    wakeups = _signals_as_bytes()
    java = subprocess.Popen(
        arguments[3:],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        pass_fds=(handed_fd,),
        preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - safe: there is one thread
    )
    _report(java.pid)
    if _is_told_to_end(java, parent=parent, wakeups=wakeups):
        _end(java, within_seconds=stop_seconds, wakeups=wakeups)
    else:
        _end(java, within_seconds=min(stop_seconds, _ORPHAN_STOP_SECONDS), wakeups=wakeups)
    status = java.wait()
    return status if status >= 0 else 128 - status


def _signals_as_bytes() -> int:
    """Make signals wake `select`: each arrives as a byte, its number."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for wanted in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(wanted, lambda _number, _frame: None)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    return read_end


def _dying_with(guard: int) -> Callable[[], None]:
    """What runs in the child before the Java machine does."""
    is_linux = sys.platform == "linux"
    libc = ctypes.CDLL(None)

    def before_exec() -> None:
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(ignored, signal.SIG_DFL)
        if is_linux:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # it died before the kernel knew
            os._exit(1)

    return before_exec


def _report(pid: int) -> None:
    os.write(1, b"%d\n" % pid)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # the parent reads to the end of the pipe
    os.close(quiet)


def _is_told_to_end(java: subprocess.Popen[bytes], *, parent: int, wakeups: int) -> bool:
    """Wait until the Java machine has ended, or should: told by a signal, or left alone."""
    while java.poll() is None and os.getppid() == parent:
        readable, _, _ = select.select([wakeups, 0], [], [], _PARENT_CHECK_SECONDS)
        if wakeups in readable and signal.SIGTERM in os.read(wakeups, 64):
            return True
        if 0 in readable and not os.read(0, 64):
            return False
    return False


def _end(java: subprocess.Popen[bytes], *, within_seconds: float, wakeups: int) -> None:
    if java.poll() is None:
        java.terminate()
    deadline = time.monotonic() + within_seconds
    while java.poll() is None and (remaining := deadline - time.monotonic()) > 0:
        if select.select([wakeups], [], [], remaining)[0]:
            os.read(wakeups, 64)
    if java.poll() is None:
        java.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
