"""Where processes spend their time, sampled by py-spy while they are measured."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.children import BenchmarkFailed, wait_until
from benchmarks.results_folder import results_folder

SAMPLES_PER_SECOND: Final = 100
_END_SECONDS: Final = 60.0
_BEGIN_SECONDS: Final = 20.0


@contextmanager
def profiled(processes: Mapping[str, int], title: str) -> Generator[None]:
    """Sample these while the block runs; one file of collapsed stacks each, in the results' folder.

    Raises BenchmarkFailed: py-spy is not there, or may not look into other processes.
    """
    with ExitStack() as ending:
        for name, pid in processes.items():
            ending.enter_context(_recorded(pid, results_folder() / f"{title}-{name}.stacks"))
        yield


@contextmanager
def _recorded(pid: int, output: Path) -> Generator[None]:
    log = output.with_suffix(".log")
    options = ("--format", "raw", "--threads", "--nonblocking", "--rate", str(SAMPLES_PER_SECOND))
    command = [str(Path(sys.executable).with_name("py-spy")), "record", *options]
    try:
        with log.open("wb") as written:
            recorder = subprocess.Popen(
                [*command, "--pid", str(pid), "--output", str(output)],
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as exc:
        raise BenchmarkFailed(f"py-spy cannot be started: {exc}; install the extra dev") from exc
    try:
        wait_until(
            lambda: log.stat().st_size > 0, seconds=_BEGIN_SECONDS, text="py-spy does not begin"
        )
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        _wait(recorder)
    if not output.exists():
        raise BenchmarkFailed(f"py-spy has written nothing: {log.read_text()[-500:]}")


def _wait(recorder: subprocess.Popen[bytes]) -> None:
    try:
        recorder.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        recorder.kill()
        recorder.wait()
