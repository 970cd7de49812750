"""What is measured: processes that turn records of a source topic into requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.children import Child, wait_until
from benchmarks.events import SourceRecord
from benchmarks.receiving import RunningReceiver
from pipeline.domain.topology import Topology

_PAUSE_SECONDS: Final = 0.25
"""Asking costs the broker something, which counts."""

Figures = dict[str, float]
"""What one run gave, by the name of the figure: `per_second`, `cpu_us.router`, ..."""
Processes = Mapping[str, tuple[int, ...]]
"""Ids by what the processes are; a stage can have several."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is published, and what each event gives."""

    topic: str
    record: Callable[[int], SourceRecord]
    """Event by number."""
    data_bytes: int
    fan_out: int
    attempts_each: int = 1
    """Requests that a delivery takes."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything is running and idle."""

    name: str
    servers: str
    load: Load
    receiver: RunningReceiver
    processes: Processes
    """Those whose cost counts."""
    children: Sequence[Child]
    behind: Callable[[], str]
    """What was delivered and is not recorded and committed yet; empty where everything is."""
    log_bytes: Callable[[], int]
    """How large the broker's logs are."""
    deferred: Callable[[], int]
    """How many records the tiers have had: retries, and what was put aside untried."""
    topology: Topology | None
    """None: a bare loop has other topics."""

    def wait_caught_up(self, *, seconds: float) -> None:
        """Return when nothing is behind. Raises BenchmarkFailed."""
        wait_until(
            lambda: not self.behind(),
            seconds=seconds,
            text=lambda: f"not recorded and committed: {self.behind()}",
            watched=self.children,
            pause_seconds=_PAUSE_SECONDS,
        )

    def check(self) -> None:
        """Raise BenchmarkFailed if a process has ended."""
        for child in self.children:
            child.check()


def children_by_name(children: Sequence[Child]) -> dict[str, tuple[int, ...]]:
    """The ids of processes of the same kind under one name."""
    names = dict.fromkeys(child.name for child in children)
    return {name: tuple(child.pid for child in children if child.name == name) for name in names}
