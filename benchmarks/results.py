"""All figures of an invocation, and the file that they are kept in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.plans import Amounts
from benchmarks.rates import Spread, spread
from benchmarks.results_folder import results_folder
from benchmarks.rig import Figures
from benchmarks.scenario import Scenario

Summary = dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured, scenario by scenario."""

    machine: Machine
    amounts: Amounts
    runs: dict[Scenario, list[Figures]] = field(default_factory=dict[Scenario, list[Figures]])
    failures: dict[Scenario, list[str]] = field(default_factory=dict[Scenario, list[str]])

    def add(self, scenario: Scenario, figures: Figures) -> None:
        self.runs.setdefault(scenario, []).append(figures)

    def fail(self, scenario: Scenario, text: str) -> None:
        self.failures.setdefault(scenario, []).append(text)

    def summary(self, scenario: Scenario) -> Summary:
        """Every figure of a scenario over its runs."""
        runs = self.runs[scenario]
        return {name: spread([run[name] for run in runs]) for name in runs[0]}

    def summaries(self) -> dict[Scenario, Summary]:
        return {scenario: self.summary(scenario) for scenario in self.runs}


def write_results(results: Results, not_measured: tuple[str, ...]) -> Path:
    """Keep them as JSON; answers where."""
    at = datetime.now(UTC)
    document = {
        "at": at.isoformat(timespec="seconds"),
        "machine": asdict(results.machine),
        "amounts": asdict(results.amounts),
        "not_measured": not_measured,
        "scenarios": [
            {**scenario.described(), "summary": _rounded(summary), "runs": results.runs[scenario]}
            for scenario, summary in results.summaries().items()
        ],
        "failures": {scenario.name: texts for scenario, texts in results.failures.items()},
    }
    path = results_folder() / f"{at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(document, indent=1, default=sorted) + "\n")
    return path


def _rounded(summary: Summary) -> dict[str, Any]:
    return {
        name: {key: round(value, 3) for key, value in found._asdict().items()}
        for name, found in summary.items()
    }
