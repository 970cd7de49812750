"""The limit finds what pays, and comes down again from what does not."""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.stages.sender.climb import Climb

LEAST, MOST = 128, 4_096


def _run(done_at: Callable[[int], float], *, periods: int, noise: float = 0.0) -> list[int]:
    dice = random.Random(7)  # noqa: S311 - noise, not secrets
    climb = Climb(LEAST, MOST)
    limits: list[int] = []
    for _ in range(periods):
        limits.append(climb.limit)
        climb.observe(int(done_at(climb.limit) * (1 + noise * dice.uniform(-1, 1))))
    return limits


def test_where_requests_merely_wait_it_climbs_to_what_is_needed() -> None:
    limits = _run(lambda limit: min(limit * 0.4, 600), periods=12)
    assert max(limits) >= 1_500
    assert limits[8] >= 1_000, "within a second"


def test_where_the_process_is_busy_it_stays() -> None:
    limits = _run(lambda _: 600, periods=200, noise=0.1)
    assert sum(limits) / len(limits) < 1.2 * LEAST


def test_it_comes_down_when_it_does_not_pay_any_more() -> None:
    climb = Climb(LEAST, MOST)
    for _ in range(12):
        climb.observe(int(climb.limit * 0.4))
    assert climb.limit > 1_000
    for _ in range(40):
        climb.observe(600)
    assert climb.limit <= 2 * LEAST


def test_it_never_leaves_its_bounds() -> None:
    dice = random.Random(3)  # noqa: S311 - noise, not secrets
    climb = Climb(LEAST, MOST)
    for _ in range(5_000):
        climb.observe(dice.randrange(0, 2_000))
        assert LEAST <= climb.limit <= MOST


def test_it_begins_anew_when_nobody_waits() -> None:
    climb = Climb(LEAST, MOST)
    for _ in range(6):
        climb.observe(climb.limit)
    climb.settle()
    assert climb.limit == LEAST
