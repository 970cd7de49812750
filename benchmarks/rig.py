"""What is measured: processes that turn records of a source topic into requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.children import Child
from benchmarks.events import SourceRecord
from benchmarks.receiving import RunningReceiver

Figures = dict[str, float]
"""What one run gave, by the name of the figure: `per_second`, `cpu_us.router`, ..."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything is running and idle."""

    name: str
    servers: str
    source_topic: str
    record: Callable[[int], SourceRecord]
    """Event by number."""
    fan_out: int
    receiver: RunningReceiver
    counted: Mapping[str, int]
    """The processes whose cost counts, by name, with their ids."""
    children: Sequence[Child]
    has_caught_up: Callable[[], bool]
    """Whether everything that was delivered is also recorded and committed."""

    def check(self) -> None:
        """Raise BenchmarkFailed if a process has ended."""
        for child in self.children:
            child.check()

    def records(self, first: int, count: int) -> list[SourceRecord]:
        return [self.record(number) for number in range(first, first + count)]
