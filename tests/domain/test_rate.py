"""A rate limit holds in every window."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.endpoint import RateLimit
from pipeline.domain.rate import RateLimiter

limits = st.builds(RateLimit, requests=st.integers(1, 8), per_ms=st.integers(1, 50))
long_limits = st.builds(RateLimit, requests=st.integers(1, 8), per_ms=st.integers(1_001, 9_999))

waits = st.lists(st.just(0) | st.sampled_from([1, 3, 20]) | st.integers(0, 5_000), max_size=200)


def taken_at(limiter: RateLimiter, waits_ms: list[int]) -> tuple[list[int], list[int]]:
    """When requests were let out and when they were not."""
    now_ms = 1_000
    taken: list[int] = []
    refused: list[int] = []
    for wait_ms in waits_ms:
        now_ms += wait_ms
        (taken if limiter.take(now_ms) else refused).append(now_ms)
    return taken, refused


@given(limits | long_limits, waits)
@settings(deadline=None)
def test_no_window_sees_more_requests_than_the_limit(limit: RateLimit, waits_ms: list[int]):
    taken, _ = taken_at(RateLimiter(limit), waits_ms)
    for start_ms in taken:
        window = [at_ms for at_ms in taken if start_ms <= at_ms < start_ms + limit.per_ms]
        assert len(window) <= limit.requests


@given(limits, waits)
@settings(deadline=None)
def test_a_request_is_refused_only_where_the_window_is_full(limit: RateLimit, waits_ms: list[int]):
    taken, refused = taken_at(RateLimiter(limit), waits_ms)
    for refused_at_ms in refused:
        window = [at_ms for at_ms in taken if refused_at_ms - limit.per_ms < at_ms <= refused_at_ms]
        assert len(window) == limit.requests


@given(limits | long_limits, st.lists(st.integers(0, 2_000), max_size=40))
@settings(deadline=None)
def test_the_next_time_is_the_first_at_which_one_may_go(limit: RateLimit, waits_ms: list[int]):
    limiter = RateLimiter(limit)
    taken_at(limiter, waits_ms)
    now_ms = 1_000 + sum(waits_ms)
    while limiter.next_at_ms(now_ms) == now_ms:
        assert limiter.take(now_ms)
    next_at_ms = limiter.next_at_ms(now_ms)
    assert now_ms < next_at_ms <= now_ms + limit.per_ms + limit.per_ms // 100
    assert not limiter.take(next_at_ms - 1)
    assert limiter.next_at_ms(next_at_ms) == next_at_ms
    assert limiter.take(next_at_ms)


def test_a_burst_up_to_the_limit_goes_at_once_in_every_window():
    limiter = RateLimiter(RateLimit(requests=3, per_ms=1_000))
    assert [limiter.take(5_000) for _ in range(4)] == [True, True, True, False]
    assert limiter.next_at_ms(5_500) == 6_000
    assert [limiter.take(6_000) for _ in range(4)] == [True, True, True, False]


def test_a_long_window_is_late_by_a_thousandth_of_it_at_most():
    limiter = RateLimiter(RateLimit(requests=1, per_ms=3_600_000))
    assert limiter.take(10_000_000)
    next_at_ms = limiter.next_at_ms(10_000_000)
    assert 13_600_000 <= next_at_ms < 13_600_000 + 3_600


def test_a_clock_that_is_set_back_lets_none_out_early_and_blocks_nothing():
    limiter = RateLimiter(RateLimit(requests=1, per_ms=1_000))
    assert limiter.take(1_000_000)
    assert not limiter.take(500_000)
    assert limiter.next_at_ms(500_000) == 501_000
    assert not limiter.take(500_999)
    assert limiter.take(501_000)


def test_a_large_limit_needs_little_memory():
    limiter = RateLimiter(RateLimit(requests=1_000_000, per_ms=3_600_000))
    tracemalloc.start()
    try:
        for at_ms in range(0, 3_600_000, 36):
            limiter.take(at_ms)
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used_bytes < 300_000


@pytest.mark.parametrize("limit", [RateLimit(0, 1_000), RateLimit(1, 0), RateLimit(-1, 1)])
def test_a_limit_that_lets_nothing_out_is_refused(limit: RateLimit):
    with pytest.raises(ValueError, match="rate_limit: at least 1 request in at least 1 ms"):
        RateLimiter(limit)
