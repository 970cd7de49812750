"""`Retry-After`, from receivers that keep to RFC 9110 and from those that do not."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.retry_after import LONGEST_RETRY_AFTER_MS, parse_retry_after

NOV_1994_MS = 784_111_777_000
"""Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110."""


@pytest.mark.parametrize(
    ("value", "wait_ms"),
    [
        ("0", 0),
        ("120", 120_000),
        (" 120\t", 120_000),
        ("00120", 120_000),
        ("86400", 86_400_000),
    ],
)
def test_seconds_are_waited(value: str, wait_ms: int):
    assert parse_retry_after(value, now_ms=NOV_1994_MS) == wait_ms


@pytest.mark.parametrize("value", ["86401", "999999999", "9999999999", "9" * 64])
def test_no_receiver_moves_an_attempt_by_more_than_a_day(value: str):
    assert parse_retry_after(value, now_ms=NOV_1994_MS) == LONGEST_RETRY_AFTER_MS


@pytest.mark.parametrize(
    "value",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_all_three_forms_of_a_date_are_read(value: str):
    assert parse_retry_after(value, now_ms=NOV_1994_MS - 90_500) == 90_500
    assert parse_retry_after(value, now_ms=NOV_1994_MS + 1) == 0
    assert parse_retry_after(value, now_ms=NOV_1994_MS - 10**9) == LONGEST_RETRY_AFTER_MS


@given(st.integers(0, 3600 * 24), st.integers(0, 4_000_000_000))
def test_a_date_is_the_time_it_names(wait_seconds: int, now_seconds: int):
    date = datetime.fromtimestamp(now_seconds, tz=UTC) + timedelta(seconds=wait_seconds)
    header = format_datetime(date, usegmt=True)
    assert parse_retry_after(header, now_ms=now_seconds * 1_000) == wait_seconds * 1_000


def test_a_year_of_two_digits_is_not_more_than_fifty_years_ahead():
    now_ms = 1_772_000_000_000
    assert parse_retry_after("Friday, 06-Nov-26 08:49:37 GMT", now_ms=now_ms) is not None
    assert (
        parse_retry_after("Friday, 06-Nov-76 08:49:37 GMT", now_ms=now_ms) == LONGEST_RETRY_AFTER_MS
    )
    assert parse_retry_after("Sunday, 06-Nov-77 08:49:37 GMT", now_ms=now_ms) == 0


def test_a_leap_second_is_a_date():
    assert parse_retry_after("Sun, 06 Nov 1994 08:48:60 GMT", now_ms=NOV_1994_MS - 60_000) == 22_000


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-5",
        "+5",
        "1.5",
        "1e3",
        "0x10",
        "120, 60",
        "120s",
        "١٢٠",
        "soon",
        "Sun, 31 Feb 2027 08:49:37 GMT",
        "Sun, 06 Foo 2027 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 2027 24:49:37 GMT",
        "Sun, 06 Nov 2027 08:49:61 +0100",
        "2027-11-06T08:49:37Z",
        "9" * 65,
        "9" * 100_000,
        "120\r\n",
        "\ud800",
    ],
)
def test_what_is_neither_is_ignored(value: str):
    assert parse_retry_after(value, now_ms=NOV_1994_MS) is None


@given(st.text(max_size=80), st.integers(0, 4_102_444_800_000))
def test_hostile_values_give_a_wait_within_a_day_or_none(value: str, now_ms: int):
    wait_ms = parse_retry_after(value, now_ms=now_ms)
    assert wait_ms is None or 0 <= wait_ms <= LONGEST_RETRY_AFTER_MS
