"""Counters that cost the hot path an integer addition; the exporter reads them when it collects.

Event loop only, like all of a stage's work.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple


class Instrument(NamedTuple):
    """A metric's name, unit and meaning."""

    name: str
    unit: str
    meaning: str
    attribute: str | tuple[str, ...] | None = None
    """The name of its attribute, or of each."""


class Fact(NamedTuple):
    """The same of a gauge: how things stand now."""

    name: str
    unit: str
    meaning: str


Value = str | tuple[str, ...]
"""Of an instrument's attribute, or of each."""


class Count:
    """One counter: of one instrument, with one value of its attribute."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total: float = 0


class Tally:
    """Counts by instrument and attribute value; Python's integers do not wrap."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[Instrument, Value], Count] = defaultdict(Count)

    def count(self, instrument: Instrument, value: Value = "") -> Count:
        """The counter itself, for what is counted at every record: add to its `total`."""
        return self._counts[(instrument, value)]

    def add(self, instrument: Instrument, value: Value = "", *, amount: float = 1) -> None:
        """Count; `value` is that of the instrument's attribute, from a closed set."""
        self._counts[(instrument, value)].total += amount

    def read(self, instrument: Instrument) -> dict[Value, float]:
        """Counts by attribute value."""
        return {
            value: count.total
            for (counted, value), count in self._counts.copy().items()
            if counted == instrument
        }

    def instruments(self) -> set[Instrument]:
        """What was counted so far."""
        return {instrument for instrument, _ in self._counts.copy()}
