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
    attribute: str | None = None
    """The name of its one attribute."""


class Tally:
    """Counts by instrument and attribute value; Python's integers do not wrap."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[Instrument, str], float] = defaultdict(float)

    def add(self, instrument: Instrument, value: str = "", *, amount: float = 1) -> None:
        """Count; `value` is that of the instrument's attribute, from a closed set."""
        self._counts[(instrument, value)] += amount

    def read(self, instrument: Instrument) -> dict[str, float]:
        """Counts by attribute value."""
        return {
            value: count
            for (counted, value), count in self._counts.copy().items()
            if counted == instrument
        }

    def instruments(self) -> set[Instrument]:
        """What was counted so far."""
        return {instrument for instrument, _ in self._counts.copy()}
