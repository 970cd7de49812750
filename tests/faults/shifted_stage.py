"""`python -m tests.faults.shifted_stage STAGE --slot N`: a stage whose clock a test can set.

Its wall clock is the machine's and what stands in a file beside; everything else is as ever. The
machine's own clock, Kafka's and what runs by monotonic time stay right.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline import clock
from pipeline.clock import now_ms
from pipeline.settings import Settings
from pipeline.wiring.stages import load_stage, run_stage_process
from pipeline.wiring.stop_requests import StopRequests
from tests.running_pipeline import RunningPipeline

PROGRAM = ("-m", "tests.faults.shifted_stage")
FILE_VARIABLE = "TEST_CLOCK_FILE"
_OFFSET = struct.Struct("<q")
_NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class StageClock:
    """What all shifted stages of a pipeline take for the time."""

    file: Path

    def step(self, by_ms: int) -> None:
        """Set it forwards, or backwards."""
        file = os.open(self.file, os.O_RDWR)
        try:
            (before_ms,) = _OFFSET.unpack(os.pread(file, _OFFSET.size, 0))
            os.pwrite(file, _OFFSET.pack(before_ms + by_ms), 0)
        finally:
            os.close(file)

    @property
    def ahead_ms(self) -> int:
        """Of the machine's."""
        return _OFFSET.unpack(self.file.read_bytes())[0]

    @property
    def now_ms(self) -> int:
        return now_ms() + self.ahead_ms


def with_stage_clock(pipeline: RunningPipeline) -> StageClock:
    """All stages that are started from here on have this clock, which is right yet."""
    file = pipeline.data_dir.parent / "clock"
    file.write_bytes(_OFFSET.pack(0))
    pipeline.program = PROGRAM
    pipeline.settings[FILE_VARIABLE] = str(file)
    return StageClock(file)


class ShiftedTime:
    """In the place of the module `time`, where the pipeline reads the wall clock."""

    def __init__(self, file: Path) -> None:
        self._machine = clock.time
        with file.open("rb") as opened:
            self._shared: mmap.mmap = mmap.mmap(
                opened.fileno(), _OFFSET.size, access=mmap.ACCESS_READ
            )

    def time_ns(self) -> int:
        (ahead_ms,) = _OFFSET.unpack_from(self._shared)
        return self._machine.time_ns() + ahead_ms * _NS_PER_MS


def main() -> None:
    clock.time = ShiftedTime(Path(os.environ[FILE_VARIABLE]))
    stage, slot = sys.argv[1], int(sys.argv[3])
    programme = load_stage(stage)
    run_stage_process(stage, Settings(), programme=programme, slot=slot, stops=StopRequests())


if __name__ == "__main__":
    main()
