from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.rfc3339 import (
    MAX_TIME_US,
    MIN_TIME_US,
    InvalidTime,
    check_time_us,
    time_text_of,
    time_us_of,
)

OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-03-02T11:00:00Z", 1_772_449_200_000_000),
        ("2026-03-02T12:00:00+01:00", 1_772_449_200_000_000),
        ("2026-03-02T05:30:00.000001-05:30", 1_772_449_200_000_001),
        ("2026-03-02t11:00:00.5z", 1_772_449_200_500_000),
        ("2026-03-02 11:00:00Z", 1_772_449_200_000_000),
        ("2026-03-02T11:00:00.123456789Z", 1_772_449_200_123_456),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("0001-01-01T00:00:00Z", MIN_TIME_US),
        ("9999-12-31T23:59:59.999999Z", MAX_TIME_US),
    ],
)
def test_a_time_is_counted_in_microseconds_since_1970(text: str, time_us: int):
    assert time_us_of(text) == time_us


@settings(deadline=None)
@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=OFFSETS)  # noqa: DTZ001
)
def test_any_time_with_any_offset_is_the_moment_it_names(moment: datetime):
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert time_us_of(moment.isoformat()) == since // timedelta(microseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026-03-02", "2026-03-02T11:00:00", "2026-03-02T11:00Z", "20260302T110000Z"),
        *("2026-02-30T11:00:00Z", "2026-03-02T24:00:00Z", "2026-03-02T11:60:00Z"),
        *("2026-03-02T11:00:61Z", "2026-03-02T11:00:00,5Z", "2026-03-02T11:00:00.Z"),
        *("2026-03-02T11:00:00+1:00", "2026-03-02T11:00:00+24:00", "2026-03-02T11:00:00+01:00:00"),
        *("2026-W10-1T11:00:00Z", "0000-01-01T00:00:00Z", "2026-03-02T11:00:00Z\n"),
        *("²026-03-02T11:00:00Z", "2026-03-02T11:00:00." + "1" * 99 + "Z"),
        *("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"),
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(InvalidTime):
        time_us_of(text)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused_and_nothing_else(text: str):
    try:
        time_us = time_us_of(text)
    except InvalidTime:
        return
    assert MIN_TIME_US <= time_us <= MAX_TIME_US


@pytest.mark.parametrize("time_us", [MIN_TIME_US - 1, MAX_TIME_US + 1])
def test_a_number_beyond_the_years_that_can_be_written_is_refused(time_us: int):
    with pytest.raises(InvalidTime, match="1 to 9999"):
        check_time_us(time_us)


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_772_449_200_000_000, "2026-03-02T11:00:00Z"),
        (1_772_449_200_120_000, "2026-03-02T11:00:00.120Z"),
        (1_772_449_200_000_020, "2026-03-02T11:00:00.000020Z"),
        (MIN_TIME_US, "0001-01-01T00:00:00Z"),
        (MAX_TIME_US, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_written_in_utc_with_a_fraction_only_if_there_is_one(time_us: int, text: str):
    assert time_text_of(time_us) == text


@given(st.integers(MIN_TIME_US, MAX_TIME_US))
def test_a_time_that_was_written_reads_as_it_was(time_us: int):
    assert time_us_of(time_text_of(time_us)) == time_us


@pytest.mark.parametrize("time_us", [MIN_TIME_US - 1, MAX_TIME_US + 1, -(2**63), 2**63 - 1])
def test_a_time_beyond_the_years_that_can_be_written_is_not_written(time_us: int):
    with pytest.raises(InvalidTime, match="1 to 9999"):
        time_text_of(time_us)
