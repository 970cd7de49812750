"""What processes use: CPU and memory, read from Linux's /proc."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.rig import Processes
from benchmarks.shared_counters import cpu_seconds

MIB: Final = 1024 * 1024
_PEAK: Final = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
_NOW: Final = re.compile(r"^VmRSS:\s*(\d+) kB$", re.MULTILINE)
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_IDLE_COLUMNS: Final = (3, 4)
"""Of the first line of /proc/stat: idle, and waiting for disks."""
_COLUMNS: Final = 8
"""The others are counted in these already."""


COMPILING: Final = "compiling"
"""What Java spends on compiling is shown apart: a broker that has run for some minutes does not."""
_COMPILERS: Final = ("C1 CompilerThre", "C2 CompilerThre")
_NS_PER_SECOND: Final = 1_000_000_000


class CpuMark(NamedTuple):
    """CPU seconds used up to one moment."""

    by_process: dict[str, float]
    machine: float
    """By everything that runs here."""


def cpu_mark(processes: Processes) -> CpuMark:
    """Of processes by name, as of now, and of the compilers in them, which is taken off theirs."""
    used: dict[str, float] = {}
    compiling = 0.0
    for name, pids in processes.items():
        in_compilers = sum(map(_compiler_seconds, pids))
        used[name] = sum(map(cpu_seconds, pids)) - in_compilers
        compiling += in_compilers
    return CpuMark({**used, COMPILING: compiling}, _machine_cpu_seconds())


def peak_memory_bytes(pids: Iterable[int]) -> int:
    """The most that one of them had resident since it began."""
    return max(_memory_bytes(pid, _PEAK) for pid in pids)


def memory_bytes(pids: Iterable[int]) -> int:
    """What the largest of them has resident now."""
    return max(_memory_bytes(pid, _NOW) for pid in pids)


def _memory_bytes(pid: int, line: re.Pattern[str]) -> int:
    """0 for one that is gone."""
    try:
        found = line.search(Path(f"/proc/{pid}/status").read_text("ascii", errors="replace"))
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _compiler_seconds(pid: int) -> float:
    used_ns = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            if (thread / "comm").read_text().strip() in _COMPILERS:
                used_ns += int((thread / "schedstat").read_text().split()[0])
        except OSError:
            continue  # it has ended meanwhile
    return used_ns / _NS_PER_SECOND


def _machine_cpu_seconds() -> float:
    with Path("/proc/stat").open(encoding="ascii") as file:
        ticks = [int(column) for column in file.readline().split()[1 : 1 + _COLUMNS]]
    busy = sum(ticks) - sum(ticks[column] for column in _IDLE_COLUMNS)
    return busy / _TICKS_PER_SECOND
