"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.plans import Amounts
from benchmarks.scenario import Group, Scenario
from benchmarks.scenarios import SCENARIOS, USUAL

DELIVERIES: Final = 30_000
QUICK_DELIVERIES: Final = 5_000
BACKLOG_DELIVERIES: Final = 200_000
QUICK_BACKLOG_DELIVERIES: Final = 20_000
MOST_DELIVERIES: Final = 10_000_000
MOST_REPEATS: Final = 100
SECONDS: Final = 8.0
MOST_SECONDS: Final = 600
LATENCY_SECONDS: Final = 20.0
QUICK_LATENCY_SECONDS: Final = 5.0
NEIGHBOUR_SECONDS: Final = 15.0
QUICK_NEIGHBOUR_SECONDS: Final = 6.0
NEIGHBOUR_PER_SECOND: Final = 200.0
DELIVERIES_A_SECOND: Final = 1_000_000
PROFILED: Final = ("router", "sender", "scheduler", "recorder", "loop", "api")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    scenarios: tuple[Scenario, ...]
    names: tuple[str, ...]
    """Those scenarios that were named, one by one."""
    amounts: Amounts
    repeat: int
    model: Path | None
    check: Path | None
    """A results file to compute from; nothing is measured then."""
    rate: int


def read_options(words: list[str]) -> Options:
    """Ends the process where they cannot be used, and after `--help`."""
    given = _parser().parse_args(words)
    is_quick: bool = given.quick
    amounts = Amounts(
        deliveries=given.count or (QUICK_DELIVERIES if is_quick else DELIVERIES),
        backlog_deliveries=given.count
        or (QUICK_BACKLOG_DELIVERIES if is_quick else BACKLOG_DELIVERIES),
        seconds=given.seconds,
        latency_seconds=QUICK_LATENCY_SECONDS if is_quick else LATENCY_SECONDS,
        neighbour_seconds=QUICK_NEIGHBOUR_SECONDS if is_quick else NEIGHBOUR_SECONDS,
        neighbour_per_second=NEIGHBOUR_PER_SECOND,
        is_backlog=given.load == "backlog",
        profile=frozenset(given.profile),
    )
    return Options(
        _chosen(given),
        tuple(given.scenario),
        amounts,
        given.repeat,
        given.model,
        given.check_model,
        given.rate,
    )


def _chosen(given: argparse.Namespace) -> tuple[Scenario, ...]:
    if given.all:
        return SCENARIOS
    if not given.scenario and not given.group:
        return USUAL
    return tuple(
        scenario
        for scenario in SCENARIOS
        if scenario.name in given.scenario or scenario.group in given.group
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the pipeline on this machine: deliveries a second, CPU, latency.",
        epilog=_catalogue(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_choices(parser)
    _add_amounts(parser)
    parser.add_argument(
        "--profile",
        action="append",
        choices=PROFILED,
        default=[],
        help="let py-spy watch this process, which slows it; its stacks lie beside the results",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="RESULTS.json",
        help="measure nothing: compute what a cluster needs from the figures of a results file",
    )
    parser.add_argument(
        "--check-model",
        type=Path,
        metavar="RESULTS.json",
        help="measure nothing: compare the rates of a results file with what the model predicts",
    )
    parser.add_argument(
        "--rate",
        type=_whole(1, 1_000_000_000),
        default=DELIVERIES_A_SECOND,
        help=f"deliveries a second that --model computes for (default {DELIVERIES_A_SECOND:,})",
    )
    return parser


def _catalogue() -> str:
    lines = ["scenarios, by group (* = usual, measured where nothing is said):"]
    for group in Group:
        found = [scenario for scenario in SCENARIOS if scenario.group is group]
        lines.append(f"\n{group}:")
        lines += [f" {'*' if s in USUAL else ' '} {s.name:<24} {s.text}" for s in found]
    return "\n".join(lines)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scenario",
        action="append",
        choices=[scenario.name for scenario in SCENARIOS],
        default=[],
        metavar="NAME",
        help="only this one; may be given repeatedly",
    )
    parser.add_argument(
        "--group",
        action="append",
        choices=[group.value for group in Group],
        default=[],
        help="all of a group; may be given repeatedly",
    )
    parser.add_argument("--all", action="store_true", help="every scenario there is")


def _add_amounts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count",
        type=_whole(1_000, MOST_DELIVERIES),
        help=f"deliveries measured in each scenario (default {DELIVERIES:,}; of a backlog"
        f" {BACKLOG_DELIVERIES:,})",
    )
    parser.add_argument(
        "--seconds",
        type=_whole(1, MOST_SECONDS),
        default=SECONDS,
        help=f"publish no longer than this, but for backlogs (default {SECONDS:g})",
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


class _whole:  # noqa: N801 - argparse shows the name
    """Reads a whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def __call__(self, text: str) -> int:
        number = int(text.replace("_", ""))
        if not self._least <= number <= self._most:
            raise argparse.ArgumentTypeError(f"{number}: give {self._least} to {self._most}")
        return number
