"""Counts that several processes keep together, without locks."""

from __future__ import annotations

import json
import mmap
import time


class Counters:
    """Counts in memory that all processes share; each writes its own cells alone."""

    CELLS = 4

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._cells = memoryview(mmap.mmap(-1, 8 * self.CELLS * processes)).cast("Q")

    def of(self, number: int) -> memoryview[int]:
        """The cells of one process: requests, body bytes, connections, process id."""
        return self._cells[number * self.CELLS : (number + 1) * self.CELLS]

    def as_json(self) -> bytes:
        """The sums over all processes, with the CPU seconds that they have used."""
        cells = [self.of(number) for number in range(self._processes)]
        totals = {
            "requests": sum(of_one[0] for of_one in cells),
            "body_bytes": sum(of_one[1] for of_one in cells),
            "connections": sum(of_one[2] for of_one in cells),
            "processes": self._processes,
            "cpu_seconds": round(sum(cpu_seconds(of_one[3]) for of_one in cells), 6),
        }
        return json.dumps(totals).encode()


def cpu_seconds(process_id: int) -> float:
    """CPU that another live process has used; 0 for one that is gone or has not begun.

    Linux numbers the CPU clock of process p as ~p << 3 | 2 (clock_getcpuclockid(3)).
    """
    if not process_id:
        return 0.0
    try:
        return time.clock_gettime(~process_id << 3 | 2)
    except OSError:
        return 0.0
