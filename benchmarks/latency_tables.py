"""Tables of how long events take, alone and beside a bad neighbour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.table import Table

from benchmarks.neighbours import WITH, WITHOUT
from benchmarks.pacing import PERCENTILES
from benchmarks.results import Summary
from benchmarks.scenario import Kind, Scenario
from benchmarks.stage_times import STAGES
from benchmarks.tables import figure_text, table_of

_PROCESSES: Final = ("broker", "router", "sender", "scheduler", "recorder")
_NEIGHBOUR_COLUMNS: Final = (
    *("events", "p50 without", "with", "ratio", "drift"),
    *("p99 without", "with", "ratio", "drift", "its requests"),
)
_COLUMNS: Final = tuple(name.removesuffix("_ms") for name in PERCENTILES)


def latency_tables(summaries: Mapping[Scenario, Summary]) -> Iterator[Table]:
    """None where nothing of the kind was measured."""
    neighbours: dict[Scenario, Summary] = {}
    for scenario, summary in summaries.items():
        if scenario.kind is Kind.LATENCY:
            yield _latency(scenario, summary)
        elif scenario.kind is Kind.NEIGHBOURS:
            neighbours[scenario] = summary
    if neighbours:
        yield _neighbours(neighbours)


def _latency(scenario: Scenario, summary: Summary) -> Table:
    busy = ", ".join(
        f"{name} {figure_text(summary[f'busy_percent.{name}'], '.1f')}" for name in _PROCESSES
    )
    table = table_of(
        f"{scenario.name}: milliseconds of {summary['events'].median:,.0f} events;"
        f" load {figure_text(summary['load_average'], '.1f')}\nbusy, % of a core: {busy}",
        ("from - to",),
        _COLUMNS,
    )
    table.add_row("producer's call to request received", *_row(summary, ""), end_section=True)
    for stage, text in STAGES.items():
        table.add_row(text, *_row(summary, f"stage.{stage}."))
    return table


def _row(summary: Summary, prefix: str) -> list[str]:
    return [figure_text(summary[f"{prefix}{name}"], ".1f") for name in PERCENTILES]


def _neighbours(summaries: Mapping[Scenario, Summary]) -> Table:
    table = table_of(
        "The nine others' latency without and with the bad neighbour, milliseconds",
        ("scenario",),
        _NEIGHBOUR_COLUMNS,
    )
    for scenario, summary in summaries.items():
        cells: list[str] = []
        for name in ("p50", "p99"):
            cells += [
                figure_text(summary[f"{WITHOUT}.{name}_ms"], ".1f"),
                figure_text(summary[f"{WITH}.{name}_ms"], ".1f"),
                f"{figure_text(summary[f'ratio.{name}'], '.2f')} x",
                f"{figure_text(summary[f'drift.{name}'], '.2f')} x",
            ]
        table.add_row(
            scenario.name,
            figure_text(summary["events"], ",.0f"),
            *cells,
            figure_text(summary["neighbour_requests"], ",.0f"),
        )
    return table
