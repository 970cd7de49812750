"""`pipeline plan`: how many processes, partitions and brokers a rate needs, by measured costs."""

from __future__ import annotations

import re
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.adapters.costs_file import CostsFileError, read_costs
from pipeline.cli.endings import BadInput
from pipeline.cli.terminal import examples, output, say, table, write_json
from pipeline.domain.durations import InvalidDuration, parse_duration
from pipeline.domain.endpoint_topics import Placement
from pipeline.domain.sizing import UNSAID, Assumptions, Line, Measured, needed
from pipeline.domain.workload import (
    Unreachable,
    Workload,
    measured_for,
    under_way,
    utilisation_for,
)
from pipeline.resources import COSTS_FILE

_SECONDS_OF: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[0-9]{1,2})?)(?:/([smhd]))?", re.ASCII)
_BYTES_OF: Final = {"": 1, "b": 1, "kib": 1024, "mib": 1024 * 1024}
_SIZE: Final = re.compile(r"([0-9]{1,9})(b|kib|mib)?", re.ASCII | re.IGNORECASE)
_MOST_A_SECOND: Final = 1e9
_MOST_BODY_BYTES: Final = 3 * 1024 * 1024
_MOST_PARTITIONS: Final = 1_000
_ASSUMED: Final = Assumptions()


def plan(
    *,
    events: Annotated[str, typer.Option(help="Such as 1e6/s, 500/m, 20000000/d.")],
    fan_out: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="Endpoints that get an event, on average.")
    ] = 1.0,
    latency: Annotated[
        str | None,
        typer.Option(help="99 of 100 first attempts end within this time after the event: 200ms."),
    ] = None,
    body: Annotated[str, typer.Option(help="Size of a body: 1KiB, 300b, 1MiB.")] = "1KiB",
    failing: Annotated[
        float, typer.Option(min=0.0, max=0.99, help="Share of attempts that fail.")
    ] = 0.0,
    topics: Annotated[
        Placement, typer.Option(help="Endpoints have topics of their own, or share one.")
    ] = Placement.SHARED,
    response: Annotated[str, typer.Option(help="How long endpoints take to answer.")] = "50ms",
    in_flight: Annotated[
        int, typer.Option(min=1, max=256, help="In-flight limit of an endpoint.")
    ] = 16,
    replicas: Annotated[int, typer.Option(min=1, max=9)] = _ASSUMED.replicas,
    utilisation: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="How busy all may be at most.")
    ] = _ASSUMED.utilisation,
    broker_cores: Annotated[int, typer.Option(min=1, max=1_000)] = _ASSUMED.broker_cores,
    costs: Annotated[
        Path, typer.Option(help="Measured costs of a machine of yours.", show_default=False)
    ] = COSTS_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Say how many brokers, partitions and processes a rate needs.

    A proportion of what was measured at small rates, and no promise. Nobody is asked: no Kafka is
    needed.
    """
    load = Workload(
        events_per_second=_rate(events),
        fan_out=fan_out,
        body_bytes=_size(body),
        failing=failing,
        topics=topics,
        response_ms=_duration(response, "--response"),
        max_in_flight=in_flight,
    )
    assumed = replace(
        _ASSUMED, utilisation=utilisation, replicas=replicas, broker_cores=broker_cores
    )
    try:
        measured_costs = read_costs(costs)
        if latency is not None:
            wanted_ms = _duration(latency, "--latency")
            busy = utilisation_for(load, measured_costs, latency_ms=wanted_ms, most=utilisation)
            assumed = replace(assumed, utilisation=busy)
    except CostsFileError as exc:
        raise BadInput(f"--costs {exc}") from exc
    except Unreachable as exc:
        raise BadInput(f"--latency {exc}") from exc
    measured = measured_for(load, measured_costs)
    lines = [
        *needed(measured, ceil(load.deliveries_per_second), assumed),
        *under_way(load),
    ]
    _show(load, (measured, assumed), lines, as_json=as_json)


def _show(
    load: Workload, model: tuple[Measured, Assumptions], lines: list[Line], *, as_json: bool
) -> None:
    measured, assumed = model
    if as_json:
        write_json(
            {
                "deliveries_per_second": load.deliveries_per_second,
                "utilisation": round(assumed.utilisation, 3),
                "cpu_us": measured.cpu_us,
                "log_bytes": measured.log_bytes,
                "needed": {line.name: line.value for line in lines},
                "not_in_the_model": UNSAID,
            }
        )
        return
    say(
        f"{load.deliveries_per_second:,.0f} deliveries a second, all at most"
        f" {assumed.utilisation:.0%} busy"
    )
    grid = table(("needed", "number", "formula"), numbers=("number",))
    for line in lines:
        grid.add_row(line.name, f"{line.value:,.0f}", line.formula)
    output().print(grid)
    cpu = ", ".join(f"{name} {cost:.1f}" for name, cost in measured.cpu_us.items())
    say(f"for each delivery, us of CPU: {cpu}; bytes of log: {measured.log_bytes:,.0f}")
    for text in _warnings(load, lines):
        say(text)
    say("not in it: " + "; ".join(UNSAID))


def _warnings(load: Workload, lines: list[Line]) -> list[str]:
    wide = [
        line.name
        for line in lines
        if line.name.startswith("partitions of ") and line.value > _MOST_PARTITIONS
    ]
    told = [f"{', '.join(wide)}: at most 1,000 a topic, so several pipelines"] if wide else []
    if load.topics is Placement.SHARED:
        told.append("the partitions of shared-delivery and of tiers are fixed: choose them first")
    return told


def _rate(text: str) -> float:
    match = _RATE.fullmatch(text.strip().lower())
    rate = 0.0 if match is None else float(match[1]) / _SECONDS_OF[match[2] or "s"]
    if not 0 < rate <= _MOST_A_SECOND:
        raise BadInput(f"--events {text!r}: write a number above 0 and /s, /m, /h or /d: 1e6/s")
    return rate


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    size = 0 if match is None else int(match[1]) * _BYTES_OF[(match[2] or "").lower()]
    if not 0 < size <= _MOST_BODY_BYTES:
        raise BadInput(f"--body {text!r}: write 300b, 1KiB or 1MiB, at most 3MiB")
    return size


def _duration(text: str, option: str) -> int:
    try:
        return parse_duration(text)
    except InvalidDuration as exc:
        raise BadInput(f"{option} {text!r}: {exc}") from exc


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "pipeline plan --events 1e6/s --fan-out 3 --latency 200ms",
            "pipeline plan --events 20000000/d --body 10KiB --failing 0.02 --topics dedicated",
        )
    )(plan)
