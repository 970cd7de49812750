"""`make bench`: measures the pipeline on this machine. See README.md beside this file."""

from __future__ import annotations

import logging
import signal
import sys
import time
from types import FrameType
from typing import Final

from rich.console import Console

from benchmarks.children import BenchmarkFailed
from benchmarks.machine import load_average, this_machine
from benchmarks.options import Options, read_options
from benchmarks.report import machine_text, print_report
from benchmarks.results import Results, write_results
from benchmarks.scenarios import measured

PLAIN_WIDTH: Final = 150
"""Of what is written to a file or a pipe."""


def main(words: list[str]) -> int:
    """Exit status 0 if every scenario gave figures in every round."""
    options = read_options(words)
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, _end)
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    results = Results(this_machine(), options.plans)
    console.print(machine_text(results.machine), markup=False, highlight=False)
    console.print(f"load average before: {load_average()}")
    try:
        _run_all(options, results, console)
    except KeyboardInterrupt:
        console.print("interrupted: what follows is what was measured before")
    finally:
        print_report(results, console)
        console.print(f"load average after: {load_average()}")
        console.print(f"results: {write_results(results)}", soft_wrap=True)
    rounds = [len(results.runs.get(scenario, ())) for scenario in options.scenarios]
    return 0 if min(rounds) == options.repeat else 1


def _run_all(options: Options, results: Results, console: Console) -> None:
    # Round after round, so that a busy quarter of an hour does not fall on one scenario alone.
    for number in range(options.repeat):
        for scenario in options.scenarios:
            title = f"{scenario.name} ({number + 1} of {options.repeat})"
            started_at = time.monotonic()
            try:
                results.add(scenario, measured(scenario, options.plans))
            except BenchmarkFailed as exc:
                results.fail(scenario, str(exc))
                title += " failed"
            console.print(f"{title}: {time.monotonic() - started_at:.0f} s", highlight=False)


def _end(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
