"""Tables of what deliveries cost at saturation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.table import Table

from benchmarks.memory import MARKS, PUBLISHER
from benchmarks.results import Summary
from benchmarks.scenario import Kind, Scenario
from benchmarks.tables import figure_text, table_of
from benchmarks.throughput import APART, TOTAL

PROCESSES: Final = ("broker", "router", "sender", "scheduler", "recorder", "loop")
"""Whose cost is in the sum."""
_RATE_COLUMNS: Final = (
    *("deliveries", "all", "middle", "of bare loop", "repeats", "deferred"),
    *("longest pause, s", "log bytes", "others' cores", "load"),
)

Summaries = Mapping[Scenario, Summary]


def throughput_tables(summaries: Summaries) -> Iterator[Table]:
    """None where nothing of the kind was measured."""
    if not summaries:
        return
    yield _rates(summaries)
    yield _costs(summaries)
    yield _peaks(summaries)
    for scenario, summary in summaries.items():
        if scenario.kind is Kind.BACKLOG:
            yield _memory(scenario, summary)


def _rates(summaries: Summaries) -> Table:
    limit = _limit(summaries)
    table = table_of(
        "Deliveries a second (all: first to last; middle: 10 % to 90 % of them)",
        ("scenario",),
        _RATE_COLUMNS,
    )
    for scenario, summary in summaries.items():
        share = "-"
        if limit is not None:
            share = f"{summary['per_second'].median / limit['per_second'].median:.0%}"
        table.add_row(
            scenario.name,
            figure_text(summary["deliveries"], ",.0f"),
            figure_text(summary["per_second"], ",.0f"),
            figure_text(summary["per_second_middle"], ",.0f"),
            share,
            f"{summary['repeats'].most:.0f}",
            figure_text(summary["deferred"], ",.0f"),
            figure_text(summary["longest_pause_seconds"], ".1f"),
            figure_text(summary["log_bytes"], ",.0f"),
            figure_text(summary["busy_cores.others"], ".1f"),
            figure_text(summary["load_average"], ".1f"),
        )
    return table


def _costs(summaries: Summaries) -> Table:
    limit = _limit(summaries)
    table = table_of(
        "CPU per delivery, microseconds (sum: without the last three)",
        ("scenario",),
        ("sum", "of bare loop", *PROCESSES, *APART),
    )
    for scenario, summary in summaries.items():
        total = summary[f"cpu_us.{TOTAL}"]
        times = "-" if limit is None else f"{total.median / limit[f'cpu_us.{TOTAL}'].median:.1f} x"
        costs = [figure_text(summary.get(f"cpu_us.{name}"), ".0f") for name in (*PROCESSES, *APART)]
        table.add_row(scenario.name, figure_text(total, ".0f"), times, *costs)
    return table


def _peaks(summaries: Summaries) -> Table:
    columns = (*PROCESSES, PUBLISHER)
    table = table_of(
        "Most memory resident, MiB (of several processes, the largest)", ("scenario",), columns
    )
    for scenario, summary in summaries.items():
        peaks = [figure_text(summary.get(f"peak_mib.{name}"), ".0f") for name in columns]
        table.add_row(scenario.name, *peaks)
    return table


def _memory(scenario: Scenario, summary: Summary) -> Table:
    columns = (*PROCESSES[:-1], PUBLISHER)
    table = table_of(
        f"Memory resident during {scenario.name} ({summary['deliveries'].median:,.0f}), MiB",
        ("when so many are delivered",),
        columns,
    )
    for mark, text in zip(MARKS, ("none", "half", "all"), strict=True):
        found = [figure_text(summary.get(f"mib.{name}.{mark}"), ".0f") for name in columns]
        table.add_row(text, *found)
    peaks = [figure_text(summary.get(f"peak_mib.{name}"), ".0f") for name in columns]
    table.add_row("most, since its start", *peaks)
    return table


def _limit(summaries: Summaries) -> Summary | None:
    for scenario, summary in summaries.items():
        if scenario.kind is Kind.BARE_LOOP:
            return summary
    return None
