"""What our metrics are called on `/metrics`."""

from __future__ import annotations

from pipeline.telemetry import instruments
from pipeline.telemetry.tally import Fact, Instrument


def prometheus_names() -> set[str]:
    declared = vars(instruments).values()
    counters = (f"{_named(one)}_total" for one in declared if isinstance(one, Instrument))
    return {*counters, *(_named(one) for one in declared if isinstance(one, Fact))}


def _named(metric: Instrument | Fact) -> str:
    return metric.name.replace(".", "_") + ("_seconds" if metric.unit == "s" else "")
