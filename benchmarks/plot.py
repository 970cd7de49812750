"""The picture beside the results: CPU per delivery, process by process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.bar_chart import Bar, Chart, svg_of
from benchmarks.results import Summary
from benchmarks.scenario import Scenario
from benchmarks.throughput_tables import PROCESSES

_MOST_TIMES: Final = 12


def cost_chart(summaries: Mapping[Scenario, Summary]) -> Chart:
    """A bar for each scenario that was measured at saturation; medians.

    One that would make all others too short to be read is named instead.
    """
    bars = [_bar(scenario.name, summary) for scenario, summary in summaries.items()]
    bars = [bar for bar in bars if bar.total]
    most = _MOST_TIMES * min((bar.total for bar in bars), default=0.0)
    beyond = [f"{bar.name} {bar.total:,.0f}" for bar in bars if bar.total > most]
    return Chart(
        "CPU per delivery at saturation, by process",
        "microseconds of CPU",
        [bar for bar in bars if bar.total <= most],
        note=f"Not shown: {', '.join(beyond)}" if beyond else "",
    )


def _bar(name: str, summary: Summary) -> Bar:
    costs = {process: summary.get(f"cpu_us.{process}") for process in PROCESSES}
    return Bar(name, {process: cost.median for process, cost in costs.items() if cost is not None})


def write_plot(summaries: Mapping[Scenario, Summary], results_file: Path) -> Path | None:
    """Beside the results; None where nothing was measured that it shows."""
    chart = cost_chart(summaries)
    if not chart.bars:
        return None
    path = results_file.with_suffix(".svg")
    path.write_text(svg_of(chart))
    return path
