"""`--model`: what a cluster needs for a rate, from the figures of a results file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, cast

from rich.console import Console

from benchmarks.tables import markdown_table
from pipeline.domain.sizing import STAGES, UNSAID, Assumptions, Measured, needed

_PREFERRED: Final = ("own-50", "shared-50", "fan-out-own", "fan-out-shared")
_RETRIES: Final = (
    "retries: each is another attempt, with a hop or more through the tiers (see `retried-own`)"
)


class UnusableResults(Exception):
    """A file cannot be computed from; the text says why and what to do."""


def print_model(path: Path, names: Sequence[str], rate: int, console: Console) -> None:
    """For the scenarios of these names, or for some. Raises UnusableResults."""
    assumed = Assumptions()
    measured = _chosen(read_measured(path), names)
    console.print(f"A model for {rate:,} deliveries a second, from {path.name}", highlight=False)
    inputs = markdown_table(("measured, per delivery",), tuple(one.name for one in measured))
    for process in ("broker", *STAGES):
        inputs.add_row(f"{process} us", *(f"{one.cpu_us[process]:.1f}" for one in measured))
    inputs.add_row("log bytes", *(f"{one.log_bytes:,.0f}" for one in measured))
    console.print(inputs)
    chosen = ", ".join(f"`{name} {value:g}`" for name, value in asdict(assumed).items())
    console.print(f"Assumed: {chosen}".replace("_", " "), highlight=False)
    columns = [needed(one, rate, assumed) for one in measured]
    table = markdown_table(("needed", "formula"), tuple(one.name for one in measured))
    for lines in zip(*columns, strict=True):
        table.add_row(lines[0].name, lines[0].formula, *(f"{line.value:,.0f}" for line in lines))
    console.print(table)
    console.print("Not in the model:", highlight=False)
    for text in (*UNSAID, _RETRIES):
        console.print(f"- {text}", highlight=False, markup=False)


def read_measured(path: Path) -> dict[str, Measured]:
    """Every scenario of a results file that says what a delivery costs; medians.

    Raises UnusableResults.
    """
    try:
        document = cast("dict[str, Any]", json.loads(path.read_text()))
        found = {
            scenario["name"]: _measured(scenario["name"], scenario["summary"])
            for scenario in document["scenarios"]
            if _is_complete(scenario["summary"])
        }
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise UnusableResults(f"{path}: no file of results that can be read: {exc!r}") from exc
    if not found:
        raise UnusableResults(
            f"{path}: no scenario at saturation is in it: measure one,"
            " with `python -m benchmarks --scenario shared-50`"
        )
    return found


def _is_complete(summary: dict[str, Any]) -> bool:
    return "log_bytes" in summary and all(f"cpu_us.{one}" in summary for one in STAGES)


def _measured(name: str, summary: dict[str, Any]) -> Measured:
    # As they are printed, so that who computes from what is printed gets the same.
    cpu_us = {one: round(summary[f"cpu_us.{one}"]["median"], 1) for one in ("broker", *STAGES)}
    return Measured(name, cpu_us, round(summary["log_bytes"]["median"]))


def _chosen(found: dict[str, Measured], names: Sequence[str]) -> list[Measured]:
    missing = [name for name in names if name not in found]
    if missing:
        raise UnusableResults(f"not in the file: {', '.join(missing)}; it has {', '.join(found)}")
    wanted = names or [name for name in _PREFERRED if name in found] or list(found)[:4]
    return [found[name] for name in wanted]
