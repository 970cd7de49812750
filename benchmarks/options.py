"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Final

from benchmarks.latency import LatencyPlan
from benchmarks.scenarios import SCENARIOS, Plans, Scenario
from benchmarks.throughput import ThroughputPlan

DELIVERIES: Final = 30_000
QUICK_DELIVERIES: Final = 5_000
MOST_DELIVERIES: Final = 1_000_000
MOST_REPEATS: Final = 100
WAITING: Final = 5_000
"""Deep enough that every process always has work, and shallow enough that none runs ahead."""
PER_SECOND: Final = 50.0
SECONDS: Final = 8.0
MOST_SECONDS: Final = 600
LATENCY_SECONDS: Final = 20.0
QUICK_LATENCY_SECONDS: Final = 5.0
WARM_UP_SHARE: Final = 3
WARM_UP_EVENTS: Final = 3_000
PROFILED: Final = ("router", "sender", "scheduler", "recorder", "loop")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    scenarios: tuple[Scenario, ...]
    plans: Plans
    repeat: int


def read_options(words: list[str]) -> Options:
    """Ends the process where they cannot be used, and after `--help`."""
    given = _parser().parse_args(words)
    deliveries = given.count or (QUICK_DELIVERIES if given.quick else DELIVERIES)
    latency_seconds = QUICK_LATENCY_SECONDS if given.quick else LATENCY_SECONDS
    plans = Plans(
        ThroughputPlan(
            deliveries=deliveries,
            most_seconds=given.seconds,
            warm_up_deliveries=max(deliveries // WARM_UP_SHARE, 1_000),
            warm_up_seconds=given.seconds / 2,
            most_waiting=WAITING if given.load == "steady" else None,
            profile=frozenset(given.profile),
        ),
        LatencyPlan(
            events=int(latency_seconds * PER_SECOND),
            warm_up_events=WARM_UP_EVENTS,
            per_second=PER_SECOND,
        ),
    )
    wanted = given.scenario or [scenario.name for scenario in SCENARIOS]
    chosen = tuple(scenario for scenario in SCENARIOS if scenario.name in wanted)
    return Options(chosen, plans, given.repeat)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the pipeline on this machine: deliveries a second, CPU, latency.",
    )
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument(
        "--scenario", action="append", choices=names, help="only this one; may be given repeatedly"
    )
    parser.add_argument(
        "--count",
        type=_whole(1_000, MOST_DELIVERIES),
        help=f"deliveries measured in each scenario (default {DELIVERIES})",
    )
    parser.add_argument(
        "--seconds",
        type=_whole(1, MOST_SECONDS),
        default=SECONDS,
        help=f"publish no longer than this in each scenario (default {SECONDS:g})",
    )
    parser.add_argument(
        "--repeat",
        type=_whole(1, MOST_REPEATS),
        default=1,
        help="run everything so often; medians and spread are shown",
    )
    parser.add_argument("--quick", action="store_true", help="few deliveries: rough figures")
    parser.add_argument(
        "--load",
        choices=("steady", "backlog"),
        default="steady",
        help="steady: at most 5,000 deliveries wait at any time; backlog: all published at once",
    )
    parser.add_argument(
        "--profile",
        action="append",
        choices=PROFILED,
        default=[],
        help="let py-spy watch this process, which slows it; its stacks lie beside the results",
    )
    return parser


class _whole:  # noqa: N801 - argparse shows the name
    """Reads a whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def __call__(self, text: str) -> int:
        number = int(text)
        if not self._least <= number <= self._most:
            raise argparse.ArgumentTypeError(f"{number}: give {self._least} to {self._most}")
        return number
