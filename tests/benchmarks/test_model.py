"""The model for a rate: done again by hand, and in the README."""

import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.model_report import UnusableResults, print_model, read_measured
from pipeline.domain.sizing import Assumptions, Measured, needed
from tests.architecture.checkout import ROOT

README = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## A model for one million deliveries a second")[2]
CPU_US = {"broker": 40.0, "router": 50.0, "sender": 86.0, "scheduler": 1.0, "recorder": 41.0}


def lines(measured: Measured, rate: int, assumed: Assumptions) -> dict[str, float]:
    return {line.name: line.value for line in needed(measured, rate, assumed)}


def test_the_formulas_give_what_one_computes_by_hand():
    assumed = Assumptions(utilisation=0.5, replicas=3, broker_cores=10, broker_bytes_per_second=1e9)
    found = lines(Measured("any", CPU_US, 3_000.0), 1_000_000, assumed)
    assert found == {
        "router processes": 100,
        "sender processes": 172,
        "scheduler processes": 2,
        "recorder processes": 82,
        "cores for all of them": 356,
        "brokers, by CPU": 24,
        "brokers, by bytes": 18,
        "brokers": 24,
        "partitions of events": 200,
        "partitions of shared-delivery": 344,
        "partitions of each tier": 4,
        "partitions of attempts": 164,
        "endpoints, at the least": 172,
        "disk a day of retention, TB": 778,
    }


def test_a_small_rate_needs_a_process_of_each_stage_and_a_broker_for_each_replica():
    found = lines(Measured("any", CPU_US, 3_000.0), 1, Assumptions())
    assert found["cores for all of them"] == 4
    assert found["brokers"] == 3


@pytest.mark.parametrize("rate", [100_000, 1_000_000, 3_000_000])
def test_twice_the_rate_never_needs_less(rate: int):
    measured = Measured("any", CPU_US, 3_000.0)
    once, twice = (lines(measured, times * rate, Assumptions()) for times in (1, 2))
    assert all(twice[name] >= once[name] for name in once)


def cells_of(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def table_rows(first_cell: str) -> list[list[str]]:
    """The cells of the README's table whose header begins so, header first."""
    rows = [line for line in SECTION.splitlines() if line.startswith("|")]
    start = next(at for at, row in enumerate(rows) if cells_of(row)[0] == first_cell)
    length = next(
        (at for at in range(start + 2, len(rows)) if set(rows[at]) <= set("|-: ")), len(rows) + 1
    )
    chosen = [rows[start], *rows[start + 2 : length - 1]]
    return [cells_of(row) for row in chosen]


def number_of(cell: str) -> float:
    return float(cell.replace(",", ""))


def test_the_readmes_table_follows_from_the_figures_that_it_names():
    figures, results = table_rows("measured, per delivery"), table_rows("needed")
    names = figures[0][1:]
    assert results[0][2:] == names
    assert len(names) > 1
    for column, name in enumerate(names, start=1):
        given = {row[0]: number_of(row[column]) for row in figures[1:]}
        cpu_us = {key.removesuffix(" us"): value for key, value in given.items() if " us" in key}
        found = needed(Measured(name, cpu_us, given["log bytes"]), 1_000_000, Assumptions())
        written = [(row[0], row[1], number_of(row[column + 1])) for row in results[1:]]
        assert written == [tuple(line) for line in found]


def test_the_readme_names_every_assumption_with_its_value():
    chosen = re.findall(r"`([\w ]+) ([\d.e+]+)`", SECTION)
    assumed = Assumptions()
    assert {name.replace(" ", "_"): float(value) for name, value in chosen} == {
        name: float(getattr(assumed, name)) for name in Assumptions.__slots__
    }


def a_results_file(folder: Path, summary: dict[str, float]) -> Path:
    path = folder / "results.json"
    medians = {name: {"median": value} for name, value in summary.items()}
    path.write_text(json.dumps({"scenarios": [{"name": "shared-50", "summary": medians}]}))
    return path


def test_a_results_file_is_computed_from(tmp_path: Path):
    summary = {f"cpu_us.{name}": value for name, value in CPU_US.items()}
    path = a_results_file(tmp_path, {**summary, "log_bytes": 2_000.0})
    assert read_measured(path) == {"shared-50": Measured("shared-50", CPU_US, 2_000.0)}
    console = Console(width=150, record=True, file=(tmp_path / "printed").open("w"))
    print_model(path, (), 1_000_000, console)
    printed = console.export_text()
    assert re.search(r"sender processes .* 144 ", printed)
    console.file.close()


@pytest.mark.parametrize("content", ["", "[]", '{"scenarios": [{}]}', '{"scenarios": []}'])
def test_a_file_without_figures_is_refused_with_its_name(tmp_path: Path, content: str):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(UnusableResults, match=r"other\.json"):
        read_measured(path)


def test_a_scenario_that_is_not_in_the_file_is_named(tmp_path: Path):
    summary = {f"cpu_us.{name}": value for name, value in CPU_US.items()}
    path = a_results_file(tmp_path, {**summary, "log_bytes": 2_000.0})
    with pytest.raises(UnusableResults, match="own-1"):
        print_model(path, ("own-1",), 1, Console(quiet=True))
