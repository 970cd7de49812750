"""Figures out of what was counted and timed. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class Sample(NamedTuple):
    """How many requests had come by a moment."""

    at_seconds: float
    received: int


class Spread(NamedTuple):
    """One figure of several runs."""

    median: float
    least: float
    most: float


def per_second(samples: Sequence[Sample], first: int, last: int) -> float:
    """The mean rate between the `first` and the `last` request of those that were sampled.

    Between two samples requests are taken to have come evenly.
    """
    seconds = _came_at(samples, last) - _came_at(samples, first)
    return (last - first) / seconds if seconds > 0 else 0.0


def longest_pause_seconds(samples: Sequence[Sample]) -> float:
    """The longest time in which nothing came, as far as the samples tell."""
    longest = 0.0
    newest = samples[0]
    for sample in samples:
        if sample.received > newest.received:
            longest = max(longest, sample.at_seconds - newest.at_seconds)
            newest = sample
    return longest


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0-1) of all do not exceed; `ordered` is not empty."""
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median(values), min(values), max(values))


def _came_at(samples: Sequence[Sample], number: int) -> float:
    at = bisect_left(samples, number, key=lambda sample: sample.received)
    after = samples[min(at, len(samples) - 1)]
    before = samples[max(at - 1, 0)]
    came = after.received - before.received
    if came <= 0:
        return after.at_seconds
    share = (number - before.received) / came
    return before.at_seconds + share * (after.at_seconds - before.at_seconds)
