"""How long attempts took, counted in buckets whose bounds grow evenly, and what quantiles they say.

Buckets can be added up over hours and endpoints, which quantiles cannot.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from math import ceil
from typing import Final

_SHORTEST_MS: Final = 0.5
_GROWTH: Final = 2 ** (1 / 3)
"""A quantile is at most a quarter away from what it would be without buckets."""
_BOUNDS_MS: Final = tuple(_SHORTEST_MS * _GROWTH**number for number in range(55))
"""From half a millisecond to more than two minutes: longer than any attempt may take."""

NOT_COUNTED: Final = 0
"""The bucket of attempts whose duration nobody counted."""


def bucket_of(duration_ms: float) -> int:
    """From 1 on; what is longer than anything is in the last one."""
    return 1 + bisect_left(_BOUNDS_MS, duration_ms)


def quantiles_ms(counted: Iterable[tuple[int, int]], *wanted: float) -> tuple[float | None, ...]:
    """For each wanted share (0.5 is the median) the duration that so many stay below.

    `counted` are buckets and how many are in each. None where nothing is counted.
    """
    counts = sorted((bucket, count) for bucket, count in counted if bucket != NOT_COUNTED)
    total = sum(count for _, count in counts)
    if not total:
        return tuple(None for _ in wanted)
    return tuple(_quantile(counts, share * total) for share in wanted)


def exact_quantiles_ms(durations_ms: Iterable[float], *wanted: float) -> tuple[float | None, ...]:
    """The same of durations that were not counted in buckets: one of them each."""
    ordered = sorted(durations_ms)
    if not ordered:
        return tuple(None for _ in wanted)
    return tuple(float(ordered[max(ceil(share * len(ordered)) - 1, 0)]) for share in wanted)


def _quantile(counts: list[tuple[int, int]], rank: float) -> float:
    before = 0
    bucket, count = counts[-1]
    for bucket, count in counts:  # noqa: B007 - what is left is the bucket that was found
        if before + count >= rank:
            break
        before += count
    share = min(1.0, max(0.0, (rank - before) / count))
    upper_ms = _BOUNDS_MS[min(bucket - 1, len(_BOUNDS_MS) - 1)]
    return round(upper_ms * _GROWTH ** (share - 1), 1)
