"""What a soak is worth: latencies, repeats, restarts and memory, as tables and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console

from benchmarks.tables import table_of
from pipeline.domain.latency import exact_quantiles_ms
from tests.cluster.arrivals import Arrivals
from tests.cluster.plan import FAST
from tests.cluster.restarts import Restart

WHOLE: Final = "whole"
OUTSIDE: Final = "outside of restarts"


class Taken(NamedTuple):
    """From handing an event over to its first request at one endpoint; seconds since the epoch."""

    published_at: float
    arrived_at: float

    @property
    def ms(self) -> float:
        return round((self.arrived_at - self.published_at) * 1000, 1)


@dataclass(frozen=True)
class Figures:
    seconds: float
    load_average: float
    """Of the machine, over the last quarter of an hour: above its number of cores the figures say
    more about others than about the pipeline."""
    rounds: int
    counts: Mapping[str, int]
    """Deliveries: sent, delivered, dead, waiting; requests, repeats."""
    published_again: Mapping[str, int]
    """Requests to the API that were made again, by why."""
    repeats: Mapping[str, int]
    """By what was restarted meanwhile."""
    latency_ms: Mapping[str, Mapping[str, float | None]]
    memory_mib: Mapping[str, Mapping[str, float | None]]
    restarts: Sequence[Restart]
    places_lost: int
    """How often Kafka gave the place of a stage away that nobody had restarted."""
    warnings: Mapping[str, int]
    """Of the stages' logs, by what they say."""


def taken(arrivals: Arrivals, published: Mapping[int, float]) -> list[Taken]:
    """Of endpoints that always answer at once."""
    return [
        Taken(at, arrivals.first[(name, number)])
        for number, at in published.items()
        for name in FAST
    ]


def latencies(
    every: Sequence[Taken], restarts: Sequence[Restart]
) -> dict[str, dict[str, float | None]]:
    """Whole, outside of restarts, and by what was restarted meanwhile."""
    by_kind: dict[str, list[float]] = {WHOLE: [], OUTSIDE: []}
    for one in every:
        by_kind[WHOLE].append(one.ms)
        met = _met(one, restarts)
        by_kind.setdefault(OUTSIDE if met is None else f"while {met} restarted", []).append(one.ms)
    return {kind: _spread(found) for kind, found in by_kind.items()}


def repeats_by_restart(arrivals: Arrivals, restarts: Sequence[Restart]) -> Counter[str]:
    """By what was restarted meanwhile."""
    return Counter(_met(Taken(each.at, each.at), restarts) or OUTSIDE for each in arrivals.repeats)


def memory(
    start: Mapping[str, float], before: Sequence[tuple[str, float]], end: Mapping[str, float]
) -> dict[str, dict[str, float | None]]:
    """By process: at the start of the load, the most that a restart found, and at its end."""
    return {
        name: {
            "start": round(start[name], 1),
            "before a restart": max(
                (round(mib, 1) for of, mib in before if of == name), default=None
            ),
            "end": round(end[name], 1),
        }
        for name in start
    }


def written(figures: Figures, path: Path) -> None:
    """As JSON; restarts by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {each.name: getattr(figures, each.name) for each in fields(figures)}
    document["restarts"] = [each._asdict() for each in figures.restarts]
    path.write_text(json.dumps(document, indent=2) + "\n")


def shown(figures: Figures, console: Console) -> None:
    console.print(
        f"{figures.seconds:.0f} s, {figures.rounds} rounds of restarts, "
        f"load average {figures.load_average:.1f}, "
        f"{figures.places_lost} times a stage was too late for Kafka, "
        + ", ".join(f"{count:,} {name}" for name, count in figures.counts.items())
    )
    for name, found in (
        ("repeats", figures.repeats),
        ("published again", figures.published_again),
    ):
        console.print(
            f"{name}: " + (", ".join(f"{n} {what}" for what, n in found.items()) or "none")
        )
    for text, count in sorted(figures.warnings.items(), key=lambda one: -one[1]):
        console.print(f"{count:6} {text}", markup=False, highlight=False)
    columns = ("count", "p50", "p95", "p99", "most")
    _print(console, "event to request, ms", columns, figures.latency_ms)
    _print(console, "memory, MiB", ("start", "before a restart", "end"), figures.memory_mib)
    _print(
        console, "restarts, s", ("times", "to end", "until it flows"), _by_name(figures.restarts)
    )


def _met(one: Taken, restarts: Sequence[Restart]) -> str | None:
    """What was restarted while it was under way."""
    for each in restarts:
        if each.began_at <= one.arrived_at and one.published_at <= each.ended_at:
            return each.what.rpartition("-")[0] or each.what
    return None


def _spread(ms: Sequence[float]) -> dict[str, float | None]:
    p50, p95, p99, most = exact_quantiles_ms(ms, 0.5, 0.95, 0.99, 1.0)
    return {"count": float(len(ms)), "p50": p50, "p95": p95, "p99": p99, "most": most}


def _by_name(restarts: Sequence[Restart]) -> dict[str, dict[str, float | None]]:
    def most(what: str, of: Callable[[Restart], float]) -> float:
        return round(max(of(each) for each in restarts if each.what == what), 1)

    return {
        what: {
            "times": float(times),
            "to end": most(what, lambda each: each.stopped_seconds),
            "until it flows": most(what, lambda each: each.ended_at - each.began_at),
        }
        for what, times in Counter(each.what for each in restarts).items()
    }


def _print(
    console: Console,
    title: str,
    columns: tuple[str, ...],
    rows: Mapping[str, Mapping[str, float | None]],
) -> None:
    table = table_of(title, ("",), columns)
    for name, row in rows.items():
        table.add_row(name, *_texts(row[column] for column in columns))
    console.print(table)


def _texts(values: Iterator[float | None]) -> Iterator[str]:
    return ("" if value is None else f"{value:,.1f}".removesuffix(".0") for value in values)
