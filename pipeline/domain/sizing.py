"""What a cluster needs for a rate, computed from measured figures. Pure.

A proportion, not a promise: nothing here was measured at that rate. Every line has its formula with
it, so that it can be done again by hand, and every assumption its name in `Assumptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple

STAGES: Final = ("router", "sender", "scheduler", "recorder")
UNSAID: Final = (
    "a store for so many attempts a second: SQLite is none, PostgreSQL was not measured",
    "what brokers lose with more partitions and clients, and with replicas that fall behind",
    "network and receivers: they were on loopback, and answered at once",
)
"""What the model leaves out."""
_US_PER_SECOND: Final = 1_000_000
_SECONDS_PER_DAY: Final = 86_400
_BYTES_PER_TERABYTE: Final = 10**12


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What was not measured, and is chosen."""

    utilisation: float = 0.6
    """How busy a core, a network and a disk may be; the rest is for peaks and for what fails."""
    replicas: int = 3
    """Each costs a broker as much as the one that was measured, which overstates the followers."""
    broker_cores: int = 16
    broker_bytes_per_second: float = 1.25e9
    """In each direction: 10 Gbit/s; a disk that takes less makes it less."""
    partitions_per_process: int = 2
    """So that one process more, or one less, can be given an even share."""


class Measured(NamedTuple):
    """Of one scenario, per delivery."""

    name: str
    cpu_us: Mapping[str, float]
    """By process: broker, router, sender, scheduler, recorder."""
    log_bytes: float
    """What one delivery adds to the broker's logs, all topics together, as it is on the disk."""


class Line(NamedTuple):
    """One thing that is needed."""

    name: str
    formula: str
    value: float


def needed(measured: Measured, rate: int, assumed: Assumptions) -> list[Line]:
    """For so many deliveries a second."""
    processes = {stage: _processes(measured, stage, rate, assumed) for stage in STAGES}
    by_stage = [
        Line(f"{stage} processes", f"rate x {stage} us / 10^6 / utilisation", count)
        for stage, count in processes.items()
    ]
    return [
        *by_stage,
        Line("cores for all of them", "one each", sum(processes.values())),
        *_brokers(measured, rate, assumed),
        *_partitions(processes, assumed),
        Line(
            "endpoints, at the least",
            "rate x sender us / 10^6 / utilisation: one endpoint has one process",
            processes["sender"],
        ),
        Line(
            "disk a day of retention, TB",
            "rate x log bytes x replicas x 86,400 / 10^12",
            ceil(_written(measured, rate, assumed) * _SECONDS_PER_DAY / _BYTES_PER_TERABYTE),
        ),
    ]


def _processes(measured: Measured, stage: str, rate: int, assumed: Assumptions) -> int:
    """At least one; a process is one event loop, so one core is what it can have."""
    return max(_up(rate * measured.cpu_us[stage] / _US_PER_SECOND / assumed.utilisation), 1)


def _brokers(measured: Measured, rate: int, assumed: Assumptions) -> list[Line]:
    cores = rate * measured.cpu_us["broker"] * assumed.replicas / _US_PER_SECOND
    by_cpu = max(_up(cores / assumed.utilisation / assumed.broker_cores), assumed.replicas)
    usable = assumed.broker_bytes_per_second * assumed.utilisation
    by_bytes = max(_up(_written(measured, rate, assumed) / usable), assumed.replicas)
    return [
        Line(
            "brokers, by CPU",
            "rate x broker us x replicas / 10^6 / utilisation / cores of a broker",
            by_cpu,
        ),
        Line(
            "brokers, by bytes",
            "rate x log bytes x replicas / bytes a second / utilisation",
            by_bytes,
        ),
        Line("brokers", "the larger of the two", max(by_cpu, by_bytes)),
    ]


def _partitions(processes: Mapping[str, int], assumed: Assumptions) -> list[Line]:
    each = assumed.partitions_per_process
    topics = {
        "events": ("router", each * processes["router"]),
        "shared-delivery": ("sender", each * processes["sender"]),
        "each tier": ("scheduler", each * processes["scheduler"]),
        "attempts": ("recorder", each * processes["recorder"]),
    }
    return [
        Line(f"partitions of {topic}", f"{stage} processes x partitions a process", count)
        for topic, (stage, count) in topics.items()
    ]


def _written(measured: Measured, rate: int, assumed: Assumptions) -> float:
    """Bytes a second that all brokers together append.

    As many leave them: each record goes to one group, and to all replicas but the one that has it.
    """
    return rate * measured.log_bytes * assumed.replicas


def _up(count: float) -> int:
    """Rounded up, but not for the last bit of a product."""
    return ceil(round(count, 9))
