"""What buckets say of durations, against the durations themselves."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.latency import NOT_COUNTED, bucket_of, quantiles_ms

_DURATIONS = st.lists(st.floats(0.5, 60_000), min_size=1, max_size=200)


@given(_DURATIONS, st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_at_most_a_quarter_away_from_the_true_one(
    durations: list[float], share: float
):
    counted = Counter(map(bucket_of, durations))
    (found,) = quantiles_ms(counted.items(), share)
    rank = max(0, -int(-share * len(durations) // 1) - 1)
    true = sorted(durations)[rank]
    assert found is not None
    assert true / 1.27 - 0.1 <= found <= true * 1.27 + 0.1


def test_without_durations_there_are_no_quantiles():
    assert quantiles_ms([], 0.5, 0.99) == (None, None)
    assert quantiles_ms([(NOT_COUNTED, 7)], 0.5) == (None,)


@pytest.mark.parametrize("duration_ms", [0.0, -1.0, float("nan"), float("inf"), 1e12])
def test_any_duration_is_counted_somewhere(duration_ms: float):
    bucket = bucket_of(duration_ms)
    assert bucket > NOT_COUNTED
    assert quantiles_ms([(bucket, 1)], 0.99)[0] is not None


def test_longer_is_never_in_a_lower_bucket():
    buckets = [bucket_of(number / 10) for number in range(1, 10_000)]
    assert buckets == sorted(buckets)
