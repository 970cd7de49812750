"""The figures as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine
from benchmarks.rates import Spread
from benchmarks.results import Results
from benchmarks.scenarios import Kind, Scenario
from benchmarks.throughput import APART, TOTAL

_PROCESSES: Final = ("broker", "router", "sender", "scheduler", "recorder", "loop")
_LATENCY: Final = ("p50_ms", "p90_ms", "p99_ms", "max_ms")

Summary = Mapping[str, Spread]


def machine_text(machine: Machine) -> str:
    """A line or three."""
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    hardware = f"{machine.cores} cores of {machine.cpu_model}, {machine.memory_gib} GiB"
    return (
        f"{hardware}, {machine.system}; {machine.python}, "
        f"Kafka {machine.kafka}, librdkafka {machine.librdkafka}, "
        f"libcurl {machine.libcurl}\n{packages}; commit {machine.commit or '?'}"
    )


def print_report(results: Results, console: Console) -> None:
    """Everything that was measured."""
    throughput = {
        scenario: results.summary(scenario)
        for scenario in results.runs
        if scenario.kind is not Kind.LATENCY
    }
    for scenario in throughput:
        console.print(f"{scenario.name:<15} {scenario.text}", highlight=False)
    if throughput:
        console.print(_rate_table(throughput))
        console.print(_cost_table(throughput))
        console.print(_memory_table(throughput))
    for scenario in results.runs:
        if scenario.kind is Kind.LATENCY:
            console.print(_latency_table(scenario, results.summary(scenario)))
    for scenario, texts in results.failures.items():
        for text in texts:
            console.print(f"{scenario.name} FAILED: {text}", style="bold red", markup=False)


def _rate_table(summaries: Mapping[Scenario, Summary]) -> Table:
    limit = _limit(summaries)
    table = _table(
        "Deliveries a second (all: first to last request; middle: 10 % to 90 % of them)",
        ("scenario",),
        ("all", "middle", "of bare loop", "repeats", "others' cores", "load"),
    )
    for scenario, summary in summaries.items():
        share = "-"
        if limit is not None:
            share = f"{summary['per_second'].median / limit['per_second'].median:.0%}"
        table.add_row(
            scenario.name,
            _text(summary["per_second"], ",.0f"),
            _text(summary["per_second_middle"], ",.0f"),
            share,
            f"{summary['repeats'].most:.0f}",
            _text(summary["busy_cores.others"], ".1f"),
            _text(summary["load_average"], ".1f"),
        )
    return table


def _cost_table(summaries: Mapping[Scenario, Summary]) -> Table:
    limit = _limit(summaries)
    table = _table(
        "CPU per delivery, microseconds (sum: without the last three)",
        ("scenario",),
        ("sum", "of bare loop", *_PROCESSES, *APART),
    )
    for scenario, summary in summaries.items():
        total = summary[f"cpu_us.{TOTAL}"]
        times = "-" if limit is None else f"{total.median / limit[f'cpu_us.{TOTAL}'].median:.1f} x"
        costs = [_text(summary.get(f"cpu_us.{name}"), ".0f") for name in (*_PROCESSES, *APART)]
        table.add_row(scenario.name, _text(total, ".0f"), times, *costs)
    return table


def _memory_table(summaries: Mapping[Scenario, Summary]) -> Table:
    table = _table("Most memory resident, MiB", ("scenario",), _PROCESSES)
    for scenario, summary in summaries.items():
        peaks = [_text(summary.get(f"peak_mib.{name}"), ".0f") for name in _PROCESSES]
        table.add_row(scenario.name, *peaks)
    return table


def _latency_table(scenario: Scenario, summary: Summary) -> Table:
    table = _table(
        f"Latency, milliseconds: {scenario.text}; and how busy each process is, % of a core",
        (),
        ("events", *_LATENCY, *_PROCESSES[:-1], "load"),
    )
    table.add_row(
        _text(summary["events"], ".0f"),
        *(_text(summary[name], ".1f") for name in _LATENCY),
        *(_text(summary[f"busy_percent.{name}"], ".1f") for name in _PROCESSES[:-1]),
        _text(summary["load_average"], ".1f"),
    )
    return table


def _limit(summaries: Mapping[Scenario, Summary]) -> Summary | None:
    for scenario, summary in summaries.items():
        if scenario.kind is Kind.BARE_LOOP:
            return summary
    return None


def _table(title: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in texts:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _text(found: Spread | None, form: str) -> str:
    """The median; beside it half the distance between the least and the most where runs differ."""
    if found is None:
        return ""
    if found.least == found.most:
        return format(found.median, form)
    return f"{found.median:{form}} ±{(found.most - found.least) / 2:{form}}"
