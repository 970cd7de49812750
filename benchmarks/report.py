"""The figures on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from benchmarks.ingest_tables import ingest_tables
from benchmarks.latency_tables import latency_tables
from benchmarks.machine import Machine
from benchmarks.results import Results
from benchmarks.scenario import Kind
from benchmarks.throughput_tables import throughput_tables
from benchmarks.tracing_tables import tracing_tables

_AT_SATURATION = (Kind.THROUGHPUT, Kind.BACKLOG, Kind.BARE_LOOP)


def machine_text(machine: Machine) -> str:
    """A line or three."""
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    hardware = f"{machine.cores} cores of {machine.cpu_model}, {machine.memory_gib} GiB"
    return (
        f"{hardware}, {machine.system}; {machine.python}, "
        f"Kafka {machine.kafka}, librdkafka {machine.librdkafka}, "
        f"libcurl {machine.libcurl}\n{packages}; commit {machine.commit or '?'}"
    )


def print_report(results: Results, missing: Sequence[str], console: Console) -> None:
    """Everything that was measured, and what was not."""
    summaries = results.summaries()
    for scenario in summaries:
        console.print(f"{scenario.name:<22} {scenario.text}", highlight=False)
    saturated = {
        scenario: summary
        for scenario, summary in summaries.items()
        if scenario.kind in _AT_SATURATION
    }
    for table in (
        *throughput_tables(saturated),
        *latency_tables(summaries),
        *ingest_tables(summaries),
        *tracing_tables(summaries),
    ):
        console.print(table)
    for scenario, texts in results.failures.items():
        for text in texts:
            console.print(f"{scenario.name} FAILED: {text}", style="bold red", markup=False)
    console.print("Not measured:", highlight=False)
    for text in missing:
        console.print(f"- {text}", highlight=False, markup=False)
