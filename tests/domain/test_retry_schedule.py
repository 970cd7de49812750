"""Retry schedules: the default, lists and exponential ones."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.durations import format_duration
from pipeline.domain.endpoint import RetryPolicy
from pipeline.domain.retry_schedule import (
    DEFAULT_POLICY,
    LONGEST_SCHEDULE_MS,
    InvalidRetryPolicy,
    exponential,
    listed,
)

HOUR_MS = 3_600_000


def test_the_default_is_ten_attempts_over_about_75_hours():
    delays = [format_duration(delay_ms) for delay_ms in DEFAULT_POLICY.delays_ms]
    assert delays == ["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "1d"]
    assert sum(DEFAULT_POLICY.delays_ms) == pytest.approx(75.6 * HOUR_MS, rel=0.001)
    assert DEFAULT_POLICY.jitter == 0.1
    assert listed(DEFAULT_POLICY.delays_ms, jitter=DEFAULT_POLICY.jitter) == DEFAULT_POLICY


def test_an_exponential_schedule_doubles_up_to_its_cap():
    policy = exponential(first_ms=30_000, factor=2.0, cap_ms=6 * HOUR_MS, attempts=11)
    assert policy.delays_ms == tuple(30_000 * 2**step for step in range(10))
    capped = exponential(first_ms=HOUR_MS, factor=3.0, cap_ms=6 * HOUR_MS, attempts=5)
    assert capped.delays_ms == (HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 6 * HOUR_MS)


def test_attempts_count_the_first_one():
    assert exponential(first_ms=1_000, factor=2, cap_ms=1_000, attempts=1) == RetryPolicy(())
    assert listed([]) == RetryPolicy(())


@given(
    st.integers(1_000, 60_000),
    st.floats(1.0, 100.0),
    st.integers(60_000, 6 * HOUR_MS),
    st.integers(1, 100),
)
def test_an_exponential_schedule_only_rises(
    first_ms: int, factor: float, cap_ms: int, attempts: int
):
    delays_ms = exponential(
        first_ms=first_ms, factor=factor, cap_ms=cap_ms, attempts=attempts, jitter=0.1
    ).delays_ms
    assert len(delays_ms) == attempts - 1
    assert list(delays_ms) == sorted(delays_ms)
    assert not delays_ms or (delays_ms[0] == first_ms and delays_ms[-1] <= cap_ms)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attempts": 0}, r"retry\.attempts is 0: use 1 to 100"),
        ({"attempts": 10**9}, r"retry\.attempts is 1000000000: use 1 to 100"),
        ({"factor": 0.5}, r"retry\.factor is 0\.5: use 1 to 100"),
        ({"factor": math.nan}, r"retry\.factor is nan"),
        ({"factor": math.inf}, r"retry\.factor is inf"),
        ({"first_ms": 999}, r"retry\.first is 999ms: use at least 1s"),
        ({"first_ms": 120_000}, r"retry\.cap is 1m, less than retry\.first \(2m\)"),
        ({"cap_ms": -1}, r"retry\.cap is -1 ms, less than"),
        ({"jitter": 0.51}, r"retry\.jitter is 0\.51: use 0 to 0\.5"),
        ({"jitter": math.nan}, r"retry\.jitter is nan"),
        ({"cap_ms": 10**15, "attempts": 100}, r"retry\.attempts: the delays add up to .* days"),
    ],
)
def test_an_exponential_schedule_that_cannot_be_kept_is_refused(
    changes: dict[str, float], message: str
):
    fields: dict[str, float] = {"first_ms": 1_000, "factor": 2.0, "cap_ms": 60_000, "attempts": 3}
    fields |= changes
    with pytest.raises(InvalidRetryPolicy, match=message):
        exponential(**fields)  # pyright: ignore[reportArgumentType] - wrong values are the point


@pytest.mark.parametrize(
    ("delays_ms", "message"),
    [
        ([5_000, 500], r"retry\.delays\[1\] is 500ms: use at least 1s"),
        ([-1], r"retry\.delays\[0\] is -1 ms: use at least 1s"),
        ([1_000] * 100, r"retry\.delays has 100 delays: use at most 99"),
        ([LONGEST_SCHEDULE_MS + 1], r"retry\.delays: the delays add up to 30\.0 days: at most 30"),
    ],
)
def test_a_list_that_cannot_be_kept_is_refused(delays_ms: list[int], message: str):
    with pytest.raises(InvalidRetryPolicy, match=message):
        listed(delays_ms)


def test_the_longest_schedule_leaves_room_for_its_jitter():
    assert listed([LONGEST_SCHEDULE_MS]).delays_ms == (LONGEST_SCHEDULE_MS,)
    with pytest.raises(InvalidRetryPolicy, match="add up to 33"):
        listed([LONGEST_SCHEDULE_MS], jitter=0.1)
