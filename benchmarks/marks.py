"""What everything has used up to one moment, so that two of them can be compared."""

from __future__ import annotations

import os
import time
from typing import Final, NamedTuple

from benchmarks.memory import PUBLISHER
from benchmarks.receiving import Received
from benchmarks.rig import Rig
from benchmarks.usage import CpuMark, cpu_mark

RECEIVER: Final = "receiver"


class Mark(NamedTuple):
    """Everything that is compared, at one moment."""

    at_seconds: float
    received: Received
    log_bytes: int
    deferred: int
    cpu: CpuMark


def mark_of(rig: Rig) -> Mark:
    """As of now. Raises BenchmarkFailed."""
    received = rig.receiver.received()
    cpu = cpu_mark({**rig.processes, PUBLISHER: (os.getpid(),)})
    cpu.by_process[RECEIVER] = received.cpu_seconds
    return Mark(time.monotonic(), received, rig.log_bytes(), rig.deferred(), cpu)


def cpu_used(before: Mark, after: Mark) -> dict[str, float]:
    """CPU seconds by process."""
    began = before.cpu.by_process
    return {name: used - began[name] for name, used in after.cpu.by_process.items()}


def busy_others(before: Mark, after: Mark) -> float:
    """How many cores everything else on the machine kept busy, on average."""
    ours = sum(cpu_used(before, after).values())
    others = after.cpu.machine - before.cpu.machine - ours
    return max(others, 0.0) / (after.at_seconds - before.at_seconds)
