"""Figures out of samples."""

import pytest

from benchmarks.rates import Sample, longest_pause_seconds, per_second, percentile


def test_the_longest_pause_is_between_two_samples_that_differ():
    counts = [(0.0, 0), (1.0, 5), (2.0, 5), (4.0, 5), (4.5, 6), (5.0, 9), (9.0, 9)]
    assert longest_pause_seconds([Sample(*one) for one in counts]) == 3.5


def test_the_rate_is_that_of_the_stretch_that_was_asked_for():
    samples = [Sample(0.0, 0), Sample(1.0, 100), Sample(2.0, 300), Sample(4.0, 400)]
    assert per_second(samples, 100, 300) == pytest.approx(200)
    assert per_second(samples, 200, 400) == pytest.approx(200 / 2.5)


@pytest.mark.parametrize(("share", "found"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_one_of_the_values(share: float, found: int):
    assert percentile(list(range(1, 101)), share) == found
