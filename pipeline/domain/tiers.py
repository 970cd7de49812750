"""Retry tiers: topics with a constant delay, and how any waiting time is made of them.

A tier's delay runs from the moment the broker appends the record, so the head of a partition is
always the next one due. A delivery that waits goes to the largest tier that is not longer than what
remains plus half a second, and when that has elapsed on to the next, until less than half a second
is left: that rest is waited for in memory. So nothing is tried early, and a hop makes it at most
half a second late, for any time whatever, at the price of some writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Final, NamedTuple

from pipeline.domain.delivery import Reason
from pipeline.domain.durations import parse_duration
from pipeline.domain.verdict import Dead, RetryAt

GRACE_MS: Final = 500
"""How much longer than what remains a tier may be: it spares two of three writes."""

PARK_DELAYS_MS: Final = (60_000, 600_000, 3_600_000, 21_600_000)
"""How long a delivery is put aside the first, second, third and every further time."""
MOST_HELD: Final = 2
"""Times of being put aside that count for a delivery that waits for people: an hour is long enough
between two looks."""
LONGEST_PARKED_MS: Final = 86_400_000
"""A delivery that was put aside for so long altogether is given up."""

_SMALLEST_TIER_MS: Final = 1_000
_MAX_TIERS: Final = 32


class InvalidTiers(ValueError):
    """A list of tiers cannot make every delay; the message says why and what to write."""


class Tier(NamedTuple):
    """One retry topic: its name is its delay as people write it."""

    name: str
    delay_ms: int


def tiers_named(names: Iterable[str]) -> tuple[Tier, ...]:
    """Tiers from their names (`1s`, `5s`, `1m`, ...), the shortest first.

    Raises:
        InvalidTiers: the shortest is not 1s, two are as long as each other, or there are too many.
        InvalidDuration: a name is no duration.
    """
    tiers = tuple(
        sorted((Tier(name, parse_duration(name)) for name in names), key=attrgetter("delay_ms"))
    )
    if not tiers or tiers[0].delay_ms != _SMALLEST_TIER_MS:
        raise InvalidTiers("tiers: the shortest must be 1s, or retries would be late: add 1s")
    if len(tiers) > _MAX_TIERS:
        raise InvalidTiers(f"tiers: {len(tiers)} are too many: name at most {_MAX_TIERS}")
    for shorter, longer in pairwise(tiers):
        if shorter.delay_ms == longer.delay_ms:
            raise InvalidTiers(f"tiers: {longer.name} is there twice: name each delay once")
    return tiers


DEFAULT_TIERS: Final = tiers_named(("1s", "5s", "1m", "10m", "1h", "6h"))


def next_hop(due_at_ms: int, now_ms: int, *, tiers: Sequence[Tier]) -> Tier | None:
    """The tier that a delivery due at that time waits in next.

    None when less than half a second remains, or nothing: it goes (back) to its delivery topic, and
    whoever sends it holds it in memory until it is due.
    """
    remaining_ms = due_at_ms - now_ms
    if remaining_ms < GRACE_MS:
        return None
    hop = tiers[0]
    for tier in tiers:
        if tier.delay_ms > remaining_ms + GRACE_MS:
            break
        hop = tier
    return hop


def jitter_step_ms(delay_ms: int, *, tiers: Sequence[Tier]) -> int:
    """The steps in which a delay is jittered: the tier below the largest that is not longer.

    A delay that is off by whole steps of that size is still made of few hops.
    """
    step_ms = tiers[0].delay_ms
    for smaller, tier in pairwise(tiers):
        if tier.delay_ms > delay_ms:
            break
        step_ms = smaller.delay_ms
    return step_ms


def park(parked: int, *, now_ms: int, next_probe_at_ms: int | None) -> RetryAt | Dead:
    """What becomes of a delivery that is put aside, for the `parked`-th time before this one.

    No attempt is spent. It is due at the later of the circuit's next probe and 1m, 10m, 1h, 6h,
    6h, ... by `parked`; once it has been put aside for 24 h altogether (at the seventh time before
    this one), it is dead: `endpoint_unavailable`. The delays cost one tier each. The wait for a
    probe is rounded up to whole minutes: to the millisecond it would cost eight tiers and not four,
    for each delivery that comes while an endpoint is down.
    """
    longest = len(PARK_DELAYS_MS) - 1
    times = max(parked, 0)
    waited_ms = sum(PARK_DELAYS_MS[:longest][:times])
    waited_ms += max(times - longest, 0) * PARK_DELAYS_MS[longest]
    if waited_ms >= LONGEST_PARKED_MS:
        return Dead(Reason.ENDPOINT_UNAVAILABLE)
    wait_ms = PARK_DELAYS_MS[min(times, longest)]
    if next_probe_at_ms is not None and next_probe_at_ms - now_ms > wait_ms:
        step_ms = PARK_DELAYS_MS[0]
        wait_ms = -(-(next_probe_at_ms - now_ms) // step_ms) * step_ms
    return RetryAt(now_ms + wait_ms)


def parked_before_ms(parked: int, *, due_at_ms: int) -> int:
    """When a delivery was put aside, that was `parked` times and is due then; or a little later.

    Exact, but where it waits for a probe that is further away than its delay.
    """
    longest = len(PARK_DELAYS_MS) - 1
    return due_at_ms - PARK_DELAYS_MS[min(max(parked - 1, 0), longest)]


def hold(parked: int, *, now_ms: int) -> RetryAt:
    """When a delivery is looked at again that waits for people: its account is switched off.

    After 1m, 10m, 1h, 1h, ..., for as long as it takes.
    """
    return RetryAt(now_ms + PARK_DELAYS_MS[min(max(parked, 0), MOST_HELD)])
