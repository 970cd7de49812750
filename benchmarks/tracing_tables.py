"""What tracing costs, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table

from benchmarks.results import Summary
from benchmarks.scenario import Kind, Scenario
from benchmarks.tables import figure_text, table_of
from benchmarks.tracing import COUNTED, STATES, UNTRACED


def tracing_tables(summaries: Mapping[Scenario, Summary]) -> Iterator[Table]:
    """None where nothing of the kind was measured."""
    for scenario, summary in summaries.items():
        if scenario.kind is Kind.TRACING:
            yield _costs(scenario, summary)


def _costs(scenario: Scenario, summary: Summary) -> Table:
    rounds = figure_text(summary["rounds"], ".0f")
    table = table_of(
        f"{scenario.name}: CPU per delivery, microseconds, medians of {rounds} rounds",
        ("events are",),
        (*COUNTED, "sum", "of untraced", "least - most", "spans that came"),
    )
    for state in STATES:
        costs = [summary[f"traced_us.{state}.{name}"] for name in (*COUNTED, "sum")]
        least, most = summary[f"ratio.{state}.least"], summary[f"ratio.{state}.most"]
        is_traced = state != UNTRACED
        table.add_row(
            state,
            *(figure_text(cost, ".0f") for cost in costs),
            f"{figure_text(summary[f'ratio.{state}'], '.2f')} x",
            f"{least.least:.2f} - {most.most:.2f} x" if is_traced else "",
            f"{summary[f'spans.{state}'].median:.0%}" if is_traced else "",
        )
    return table
