"""All figures of an invocation, and the file that they are kept in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import Machine
from benchmarks.rates import Spread, spread
from benchmarks.results_folder import results_folder
from benchmarks.rig import Figures
from benchmarks.scenarios import Plans, Scenario


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured, scenario by scenario."""

    machine: Machine
    plans: Plans
    runs: dict[Scenario, list[Figures]] = field(default_factory=dict[Scenario, list[Figures]])
    failures: dict[Scenario, list[str]] = field(default_factory=dict[Scenario, list[str]])

    def add(self, scenario: Scenario, figures: Figures) -> None:
        self.runs.setdefault(scenario, []).append(figures)

    def fail(self, scenario: Scenario, text: str) -> None:
        self.failures.setdefault(scenario, []).append(text)

    def summary(self, scenario: Scenario) -> dict[str, Spread]:
        """Every figure of a scenario over its runs."""
        runs = self.runs[scenario]
        return {name: spread([run[name] for run in runs]) for name in runs[0]}


def write_results(results: Results) -> Path:
    """Keep them as JSON; answers where."""
    at = datetime.now(UTC)
    document = {
        "at": at.isoformat(timespec="seconds"),
        "machine": asdict(results.machine),
        "plans": asdict(results.plans),
        "scenarios": [
            {
                **asdict(scenario),
                "summary": {
                    name: {key: round(value, 3) for key, value in found._asdict().items()}
                    for name, found in results.summary(scenario).items()
                },
                "runs": runs,
            }
            for scenario, runs in results.runs.items()
        ],
        "failures": {scenario.name: texts for scenario, texts in results.failures.items()},
    }
    path = results_folder() / f"{at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(document, indent=1, default=sorted) + "\n")
    return path
