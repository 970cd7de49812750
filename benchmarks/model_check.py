"""`--check-model`: whether the model's first assumption held, that CPU is what limits.

A rate at saturation has to be what the machine's cores give, divided by what a delivery costs of
them: all processes together, the publisher's and the receiver's too. What others took of the
machine meanwhile, and what waited for disks, makes the measured rate lower.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from rich.console import Console

from benchmarks.model_report import UnusableResults
from benchmarks.tables import markdown_table

_CPU: Final = "cpu_us."
_NO_PROCESS: Final = f"{_CPU}sum"
_US_PER_SECOND: Final = 1_000_000


class Checked(NamedTuple):
    """One scenario, deliveries a second."""

    name: str
    measured: float
    predicted: float
    load_average: float
    """Of the machine, before it was measured: what others did."""

    @property
    def deviation(self) -> float:
        """How much more was predicted, as a share of what was measured."""
        return self.predicted / self.measured - 1.0


def read_checks(path: Path) -> list[Checked]:
    """Raises UnusableResults."""
    try:
        document = cast("dict[str, Any]", json.loads(path.read_text()))
        cores = int(document["machine"]["cores"])
        return [
            _checked(scenario["name"], scenario["summary"], cores)
            for scenario in document["scenarios"]
            if "per_second" in scenario["summary"]
        ]
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as exc:
        raise UnusableResults(f"{path}: no file of results that can be read: {exc!r}") from exc


def _checked(name: str, summary: dict[str, Any], cores: int) -> Checked:
    costs = [
        figures["median"]
        for key, figures in summary.items()
        if key.startswith(_CPU) and key != _NO_PROCESS
    ]
    load = summary.get("load_average", {"median": 0.0})["median"]
    predicted = cores * _US_PER_SECOND / sum(costs)
    return Checked(name, summary["per_second"]["median"], predicted, load)


def print_checks(path: Path, console: Console) -> None:
    """Raises UnusableResults."""
    table = markdown_table(
        ("scenario", "measured /s", "predicted /s", "predicted more by", "load average before"), ()
    )
    for one in read_checks(path):
        table.add_row(
            one.name,
            f"{one.measured:,.0f}",
            f"{one.predicted:,.0f}",
            f"{one.deviation:+.0%}",
            f"{one.load_average:.1f}",
        )
    console.print(table)
