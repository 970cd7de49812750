"""Tiers: any waiting time out of six constant delays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.acknowledgement import Acknowledgement
from pipeline.domain.delivery import Outcome, Reason
from pipeline.domain.retry import AttemptResult, RetryRules, decide
from pipeline.domain.retry_schedule import DEFAULT_POLICY
from pipeline.domain.tiers import (
    DEFAULT_TIERS,
    GRACE_MS,
    InvalidTiers,
    Tier,
    hold,
    jitter_step_ms,
    next_hop,
    park,
    tiers_named,
)
from pipeline.domain.verdict import Dead, RetryAt

NOW_MS = 1_772_000_000_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def hop(remaining_ms: int) -> str | None:
    tier = next_hop(NOW_MS + remaining_ms, NOW_MS, tiers=DEFAULT_TIERS)
    return None if tier is None else tier.name


@pytest.mark.parametrize(
    ("remaining_ms", "name"),
    [
        (-1, None),
        (0, None),
        (499, None),
        (500, "1s"),
        (4_499, "1s"),
        (4_500, "5s"),
        (59_499, "5s"),
        (59_500, "1m"),
        (10 * MINUTE_MS - 501, "1m"),
        (10 * MINUTE_MS - 500, "10m"),
        (HOUR_MS, "1h"),
        (6 * HOUR_MS - 500, "6h"),
        (30 * DAY_MS, "6h"),
    ],
)
def test_a_hop_is_the_largest_tier_not_longer_than_what_remains_and_half_a_second(
    remaining_ms: int, name: str | None
):
    assert hop(remaining_ms) == name


def hops(due_at_ms: int, now_ms: int, latency_ms: int = 0) -> tuple[int, int]:
    """How many tiers it goes through, and when it leaves the last; each hop is late twice.

    Once because the broker appends it later than was decided, and once because it is looked at
    later than it elapses.
    """
    count = 0
    while (tier := next_hop(due_at_ms, now_ms, tiers=DEFAULT_TIERS)) is not None:
        now_ms += latency_ms + tier.delay_ms + latency_ms
        count += 1
    return count, now_ms


@given(st.integers(0, 3 * DAY_MS), st.integers(0, 500))
@settings(deadline=None)
def test_nothing_leaves_the_tiers_early_by_more_than_is_held_in_memory_nor_late(
    wait_ms: int, latency_ms: int
):
    due_at_ms = NOW_MS + wait_ms
    _, left_at_ms = hops(due_at_ms, NOW_MS, latency_ms)
    # What is left is held in memory by the sender, so it is tried at the later of the two times.
    assert due_at_ms - left_at_ms < GRACE_MS
    assert left_at_ms - due_at_ms <= GRACE_MS + 2 * latency_ms


@given(st.integers(0, DAY_MS))
@settings(deadline=None)
def test_a_wait_of_a_day_costs_at_most_38_writes(wait_ms: int):
    count, _ = hops(NOW_MS + wait_ms, NOW_MS)
    assert count <= 38


def schedule_hops(now_ms: int, jitter: float) -> list[int]:
    rules = RetryRules(DEFAULT_POLICY, Acknowledgement(), DEFAULT_TIERS)
    counts: list[int] = []
    for attempt in range(1, 10):
        result = AttemptResult(attempt, Outcome.TIMED_OUT)
        verdict = decide(rules, result, now_ms=now_ms, jitter=jitter)
        assert isinstance(verdict, RetryAt)
        counts.append(hops(verdict.due_at_ms, now_ms, latency_ms=5)[0])
    return counts


def test_the_default_schedule_costs_49_writes_and_no_delay_more_than_15():
    schedules = [schedule_hops(NOW_MS, jitter / 500) for jitter in range(500)]
    assert sum(map(sum, schedules)) / len(schedules) <= 49
    assert max(map(max, schedules)) <= 15


def test_ending_between_two_seconds_costs_half_a_write_an_attempt_more():
    schedules = [
        schedule_hops(NOW_MS + fraction_ms, jitter / 100)
        for jitter in range(100)
        for fraction_ms in (1, 250, 499, 750, 999)
    ]
    assert sum(map(sum, schedules)) / len(schedules) <= 49 + 9 / 2 + 1
    assert max(map(max, schedules)) <= 15 + 1


@pytest.mark.parametrize(
    ("delay_ms", "step_ms"),
    [
        (500, 1_000),
        (1_000, 1_000),
        (4_999, 1_000),
        (5_000, 1_000),
        (MINUTE_MS, 5_000),
        (10 * MINUTE_MS - 1, 5_000),
        (10 * MINUTE_MS, MINUTE_MS),
        (HOUR_MS, 10 * MINUTE_MS),
        (6 * HOUR_MS, HOUR_MS),
        (30 * DAY_MS, HOUR_MS),
    ],
)
def test_a_delay_is_jittered_in_steps_of_the_tier_below_its_own(delay_ms: int, step_ms: int):
    assert jitter_step_ms(delay_ms, tiers=DEFAULT_TIERS) == step_ms


def test_tiers_are_named_by_their_delays_in_any_order():
    assert tiers_named(["1m", "1s", "5s"]) == (
        Tier("1s", 1_000),
        Tier("5s", 5_000),
        Tier("1m", 60_000),
    )
    assert tiers_named(["1s"]) == (Tier("1s", 1_000),)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "add 1s"),
        (["5s", "1m"], "add 1s"),
        (["500ms", "1s"], "add 1s"),
        (["1s", "60s", "1m"], "is there twice"),
        (["1s", *(f"{delay}m" for delay in range(1, 33))], "33 are too many: name at most 32"),
    ],
)
def test_tiers_that_cannot_make_every_delay_are_refused(names: list[str], message: str):
    with pytest.raises(InvalidTiers, match=message):
        tiers_named(names)


@pytest.mark.parametrize(
    ("parked", "wait_ms"),
    [
        (-1, MINUTE_MS),
        (0, MINUTE_MS),
        (1, 10 * MINUTE_MS),
        (2, HOUR_MS),
        (3, 6 * HOUR_MS),
        (4, 6 * HOUR_MS),
        (6, 6 * HOUR_MS),
    ],
)
def test_what_is_put_aside_waits_longer_each_time(parked: int, wait_ms: int):
    assert park(parked, now_ms=NOW_MS, next_probe_at_ms=None) == RetryAt(NOW_MS + wait_ms)


def test_what_is_put_aside_waits_for_the_next_probe_if_that_is_later():
    probe_at_ms = NOW_MS + 5 * MINUTE_MS
    assert park(0, now_ms=NOW_MS, next_probe_at_ms=probe_at_ms) == RetryAt(probe_at_ms)
    within_the_minute = probe_at_ms - MINUTE_MS + 1
    assert park(0, now_ms=NOW_MS, next_probe_at_ms=within_the_minute) == RetryAt(probe_at_ms)
    later = RetryAt(NOW_MS + 10 * MINUTE_MS)
    assert park(1, now_ms=NOW_MS, next_probe_at_ms=probe_at_ms) == later


def test_what_was_put_aside_for_a_day_is_dead():
    waited_ms = 0
    parked = 0
    while isinstance(verdict := park(parked, now_ms=NOW_MS, next_probe_at_ms=None), RetryAt):
        assert waited_ms < DAY_MS
        waited_ms += verdict.due_at_ms - NOW_MS
        parked += 1
    assert verdict == Dead(Reason.ENDPOINT_UNAVAILABLE)
    assert waited_ms >= DAY_MS
    assert park(2**31, now_ms=NOW_MS, next_probe_at_ms=None) == verdict


def test_putting_aside_costs_one_tier():
    for parked in range(7):
        verdict = park(parked, now_ms=NOW_MS + 123, next_probe_at_ms=None)
        assert isinstance(verdict, RetryAt)
        assert hops(verdict.due_at_ms, NOW_MS + 123, latency_ms=100)[0] == 1


def test_what_waits_for_people_is_looked_at_every_hour_for_as_long_as_it_takes():
    waits = [hold(parked, now_ms=NOW_MS).due_at_ms - NOW_MS for parked in (0, 1, 2, 3, 2**31)]
    assert waits == [MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS, 60 * MINUTE_MS, 60 * MINUTE_MS]
