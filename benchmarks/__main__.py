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
from benchmarks.measuring import measured
from benchmarks.model_check import print_checks
from benchmarks.model_report import UnusableResults, print_model
from benchmarks.not_measured import not_measured
from benchmarks.options import Options, read_options
from benchmarks.plot import write_plot
from benchmarks.report import machine_text, print_report
from benchmarks.results import Results, write_results

PLAIN_WIDTH: Final = 150
"""Of what is written to a file or a pipe."""


def main(words: list[str]) -> int:
    """Exit status 0 if every scenario gave figures in every round."""
    options = read_options(words)
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    if options.model is not None or options.check is not None:
        return _model(options, console)
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, _end)
    results = Results(this_machine(), options.amounts)
    console.print(machine_text(results.machine), markup=False, highlight=False)
    console.print(f"load average before: {load_average()}")
    try:
        _run_all(options, results, console)
    except KeyboardInterrupt:
        console.print("interrupted: what follows is what was measured before")
    finally:
        _tell(results, console)
    rounds = [len(results.runs.get(scenario, ())) for scenario in options.scenarios]
    return 0 if min(rounds) == options.repeat else 1


def _model(options: Options, console: Console) -> int:
    try:
        if options.check is not None:
            print_checks(options.check, console)
        if options.model is not None:
            print_model(options.model, options.names, options.rate, console)
    except UnusableResults as exc:
        console.print(str(exc), style="bold red", markup=False)
        return 1
    return 0


def _run_all(options: Options, results: Results, console: Console) -> None:
    # Round after round, so that a busy quarter of an hour does not fall on one scenario alone.
    for number in range(options.repeat):
        for scenario in options.scenarios:
            title = f"{scenario.name} ({number + 1} of {options.repeat})"
            started_at = time.monotonic()
            try:
                figures = measured(scenario, options.amounts)
                results.add(scenario, {**figures, "took_seconds": time.monotonic() - started_at})
            except BenchmarkFailed as exc:
                results.fail(scenario, str(exc))
                title += " failed"
            console.print(f"{title}: {time.monotonic() - started_at:.0f} s", highlight=False)


def _tell(results: Results, console: Console) -> None:
    missing = not_measured(results)
    print_report(results, missing, console)
    console.print(f"load average after: {load_average()}")
    path = write_results(results, missing)
    console.print(f"results: {path}", soft_wrap=True)
    plot = write_plot(results.summaries(), path)
    if plot is not None:
        console.print(f"plot: {plot}", soft_wrap=True)


def _end(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
