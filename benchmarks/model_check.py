"""`--check-model`: what the model predicts of a results file's scenarios, and what was measured.

From the costs of the same run, so that a machine that was slow then is slow in the model too:

- a rate at saturation is what others left of the cores, divided by what a delivery costs of them,
  all processes together, the publisher's and the receiver's too; and no process does more than one
  core's work, for its work is one event loop;
- a latency is simulated (`simulation.py`), where events come one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from rich.console import Console

from benchmarks.model_report import UnusableResults
from benchmarks.rates import percentile
from benchmarks.simulation import Machine, simulated_latencies_ms
from benchmarks.tables import markdown_table

CLOSE_ENOUGH: Final = 0.2
_CPU: Final = "cpu_us."
_NO_PROCESS: Final = f"{_CPU}sum"
_ONE_LOOP: Final = ("router", "sender", "scheduler", "recorder", "loop")
_BUSY: Final = "busy_percent."
_US_PER_SECOND: Final = 1_000_000
_STAGES: Final = ("router", "sender", "recorder")
_IDLE_STAGE: Final = "scheduler"
"""A stage without work: what it uses, the others use too when nothing happens."""
_SIMULATED: Final = ("broker", *_STAGES, "publisher", "receiver")
_SIMULATED_EVENTS: Final = 5_000
_ONE_BY_ONE: Final = 100.0
"""Events a second: with more, one event's work is shared with the next one's."""
_SHARES: Final = {"p50_ms": 0.5, "p99_ms": 0.99}


class Checked(NamedTuple):
    """One figure of one scenario."""

    name: str
    figure: str
    measured: float
    predicted: float
    others: float
    """Cores that other processes kept busy meanwhile."""

    @property
    def deviation(self) -> float:
        """How much more was predicted, as a share of what was measured."""
        return self.predicted / self.measured - 1.0

    @property
    def is_close(self) -> bool:
        return abs(self.deviation) <= CLOSE_ENOUGH


def read_checks(path: Path) -> list[Checked]:
    """Raises UnusableResults."""
    try:
        document = cast("dict[str, Any]", json.loads(path.read_text()))
        cores = int(document["machine"]["cores"])
        return [
            checked
            for scenario in document["scenarios"]
            for checked in _checks(scenario, _medians(scenario["summary"]), cores)
        ]
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as exc:
        raise UnusableResults(f"{path}: no file of results that can be read: {exc!r}") from exc


def print_checks(path: Path, console: Console) -> None:
    """Raises UnusableResults."""
    columns = ("scenario", "figure")
    table = markdown_table(
        columns, ("measured", "predicted", "predicted more by", "within 20 %", "others' cores")
    )
    checks = read_checks(path)
    for one in checks:
        table.add_row(
            one.name,
            one.figure,
            f"{one.measured:,.{_digits(one)}f}",
            f"{one.predicted:,.{_digits(one)}f}",
            f"{one.deviation:+.0%}",
            "yes" if one.is_close else "no",
            f"{one.others:.1f}",
        )
    console.print(table)
    close = sum(one.is_close for one in checks)
    console.print(f"within 20 %: {close} of {len(checks)}", highlight=False)


def _digits(one: Checked) -> int:
    return 1 if one.figure.endswith("ms") else 0


def _medians(summary: Mapping[str, Any]) -> dict[str, float]:
    return {name: figures["median"] for name, figures in summary.items()}


def _checks(scenario: dict[str, Any], found: dict[str, float], cores: int) -> Iterator[Checked]:
    name, others = scenario["name"], found.get("busy_cores.others", 0.0)
    if "per_second" in found:
        predicted = _rate(found, cores - others, senders=scenario.get("sender_processes", 1))
        yield Checked(name, "deliveries/s", found["per_second"], predicted, others)
    elif scenario.get("kind") == "latency" and scenario["per_second"] <= _ONE_BY_ONE:
        machine = _machine(found, scenario["per_second"], cores)
        took_ms = sorted(simulated_latencies_ms(machine, events=_SIMULATED_EVENTS))
        for key, share in _SHARES.items():
            text = f"{key.removesuffix('_ms')}, ms"
            yield Checked(name, text, found[key], percentile(took_ms, share), others)


def _rate(found: Mapping[str, float], cores: float, *, senders: int) -> float:
    costs = {
        key.removeprefix(_CPU): cost
        for key, cost in found.items()
        if key.startswith(_CPU) and key != _NO_PROCESS
    }
    loops = [
        (senders if name == "sender" else 1) * _US_PER_SECOND / cost
        for name, cost in costs.items()
        if name in _ONE_LOOP and cost > 0
    ]
    return min((cores * _US_PER_SECOND / sum(costs.values()), *loops))


def _machine(found: Mapping[str, float], per_second: float, cores: int) -> Machine:
    idle = found[f"{_BUSY}{_IDLE_STAGE}"]
    busy = {
        name: max(found[f"{_BUSY}{name}"] - (idle if name in _STAGES else 0.0), 0.0) / 100
        for name in _SIMULATED
    }
    return Machine(
        cores,
        per_second,
        busy,
        compiling=found.get(f"{_BUSY}compiling", 0.0) / 100,
        others=found.get("busy_cores.others", 0.0),
    )
