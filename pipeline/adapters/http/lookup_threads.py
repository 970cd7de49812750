"""Name lookups by the operating system, in threads of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from queue import SimpleQueue

Lookup = Callable[[str], tuple[str, ...]]
"""Addresses of a host name, in the order to try them. Raises OSError."""
LookedUp = tuple[str, ...] | OSError
Job = tuple[str, Callable[[str, LookedUp], None]]


def look_up_by_system(host: str) -> tuple[str, ...]:
    """What getaddrinfo says: the hosts file, the DNS, whatever the machine is set up for."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class LookupThreads:
    """At most `limit` daemon threads, started as they are needed.

    Daemons, because getaddrinfo cannot be interrupted: a name server that does not answer holds a
    thread for up to half a minute, and must not hold the end of the process with it.
    """

    def __init__(self, lookup: Lookup, *, limit: int) -> None:
        self._lookup = lookup
        self._limit = limit
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._unclaimed_threads = 0

    def start(self, host: str, done: Callable[[str, LookedUp], None]) -> None:
        """Look `host` up; `done` is called with it and the result, in a thread of this pool."""
        with self._lock:
            if self._unclaimed_threads > 0:
                self._unclaimed_threads -= 1
            elif self._threads < self._limit:
                self._threads += 1
                name = f"lookup-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
            else:
                self._unclaimed_threads -= 1
        self._jobs.put((host, done))

    def close(self) -> None:
        """Let every thread end after the lookup that it is at."""
        with self._lock:
            for _ in range(self._threads):
                self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            host, done = job
            try:
                result: LookedUp = self._lookup(host)
            except OSError as exc:
                result = exc
            except UnicodeError as exc:
                result = OSError(f"not a name that can be looked up: {exc}")
            done(host, result)
            with self._lock:
                self._unclaimed_threads += 1
