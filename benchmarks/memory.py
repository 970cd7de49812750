"""What processes have resident while deliveries go by."""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import Final, NamedTuple

from benchmarks.rates import Sample
from benchmarks.rig import Figures, Processes
from benchmarks.usage import MIB, memory_bytes, peak_memory_bytes

PUBLISHER: Final = "publisher"
MARKS: Final = ("begin", "middle", "end")
_EVERY_SECONDS: Final = 1.0


class _Resident(NamedTuple):
    accepted: int
    at_seconds: float
    mib: dict[str, float]


class MemoryMarks:
    """Looks about once a second; beginning, middle and end are meant by deliveries."""

    def __init__(self, processes: Processes) -> None:
        self._processes = {**processes, PUBLISHER: (os.getpid(),)}
        self._found: list[_Resident] = []

    def look(self, sample: Sample) -> None:
        """To be told of every sample."""
        if self._found and sample.at_seconds - self._found[-1].at_seconds < _EVERY_SECONDS:
            return
        self.look_now(sample)

    def look_now(self, sample: Sample) -> None:
        mib = {name: memory_bytes(pids) / MIB for name, pids in self._processes.items()}
        self._found.append(_Resident(sample.received, sample.at_seconds, mib))

    def figures(self) -> Figures:
        """Of the largest process of each name; `peak` is the most since the process began."""
        half = self._found[-1].accepted / 2
        middle = bisect_left(self._found, half, key=lambda one: one.accepted)
        marked = dict(
            zip(MARKS, (self._found[0], self._found[middle], self._found[-1]), strict=True)
        )
        return {
            **{
                f"mib.{name}.{mark}": one.mib[name]
                for name in self._processes
                for mark, one in marked.items()
            },
            **{
                f"peak_mib.{name}": peak_memory_bytes(pids) / MIB
                for name, pids in self._processes.items()
            },
        }
