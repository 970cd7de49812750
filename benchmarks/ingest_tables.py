"""Tables of what the API takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.table import Table

from benchmarks.ingest import API, BROKER, CLIENT, TOTAL
from benchmarks.results import Summary
from benchmarks.scenario import Kind, Scenario
from benchmarks.tables import figure_text, table_of
from benchmarks.usage import COMPILING

_PROCESSES: Final = (TOTAL, API, BROKER, COMPILING, CLIENT)
_COLUMNS: Final = (
    *("events", "a second", "requests a second", "p50, ms", "p99, ms", *_PROCESSES),
    *("log bytes", "api MiB", "others' cores", "load"),
)


def ingest_tables(summaries: Mapping[Scenario, Summary]) -> Iterator[Table]:
    """None where nothing of the kind was measured."""
    found = {
        scenario: summary for scenario, summary in summaries.items() if scenario.kind is Kind.INGEST
    }
    if found:
        yield _table(found)


def _table(summaries: Mapping[Scenario, Summary]) -> Table:
    table = table_of(
        "Events taken by the API; microseconds of CPU per event (sum: api and broker)",
        ("scenario",),
        _COLUMNS,
    )
    for scenario, summary in summaries.items():
        costs = [figure_text(summary.get(f"event_cpu_us.{name}"), ".0f") for name in _PROCESSES]
        table.add_row(
            scenario.name,
            figure_text(summary["accepted"], ",.0f"),
            figure_text(summary["per_second"], ",.0f"),
            figure_text(summary["requests_per_second"], ",.0f"),
            figure_text(summary["answer_p50_ms"], ".1f"),
            figure_text(summary["answer_p99_ms"], ".1f"),
            *costs,
            figure_text(summary["log_bytes"], ",.0f"),
            figure_text(summary["peak_mib.api"], ".0f"),
            figure_text(summary["busy_cores.others"], ".1f"),
            figure_text(summary["load_average"], ".1f"),
        )
    return table
