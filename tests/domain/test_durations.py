"""Durations: what is read, what is written, and what is said about the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.durations import (
    MAX_DURATION_MS,
    InvalidDuration,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [
        ("500ms", 500),
        ("5s", 5_000),
        ("1m", 60_000),
        ("2h", 7_200_000),
        ("3d", 259_200_000),
        ("0s", 0),
        ("3650d", MAX_DURATION_MS),
    ],
)
def test_a_duration_is_a_whole_number_and_a_unit(text: str, duration_ms: int):
    assert parse_duration(text) == duration_ms
    assert format_duration(duration_ms) == text


def test_a_duration_is_written_in_the_largest_unit_that_divides_it():
    assert format_duration(120_000) == "2m"
    assert format_duration(90_000) == "90s"
    assert format_duration(1_001) == "1001ms"
    assert format_duration(86_400_000) == "1d"


@given(st.integers(0, MAX_DURATION_MS))
def test_what_is_written_is_read_back(duration_ms: int):
    assert parse_duration(format_duration(duration_ms)) == duration_ms


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("5", "5s"),
        ("5 s", "5s"),
        (" 5s ", "5s"),
        ("5S", "5s"),
        ("1.5h", "90m"),
        ("1h30m", "90m"),
        ("PT5M", "5m"),
        ("P1DT12H", "36h"),
        ("5 minutes", "5m"),
        ("2 weeks", "14d"),
        ("2 days", "2d"),
        ("3 hours", "3h"),
        ("7 secs", "7s"),
        ("5 msec", "5ms"),
        ("1,000ms", "1s"),
        ("", "90s"),
        ("-5s", "90s"),
        ("soon", "90s"),
        ("5y", "90s"),
        ("٥s", "90s"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_nearest_one(text: str, nearest: str):
    with pytest.raises(InvalidDuration) as refused:
        parse_duration(text)
    assert str(refused.value).endswith(f"such as {nearest}")


def test_a_duration_of_more_than_ten_years_is_refused():
    with pytest.raises(InvalidDuration, match="at most 3650d"):
        parse_duration("3651d")
    with pytest.raises(InvalidDuration, match="at most 3650d"):
        parse_duration("999999999999999d")


def test_a_negative_duration_is_not_written():
    with pytest.raises(ValueError, match="not negative: -1 ms"):
        format_duration(-1)


@given(st.text(max_size=200) | st.from_regex(r"[0-9.]{0,40}[a-z]{0,10}", fullmatch=True))
def test_hostile_text_is_read_or_refused_shortly(text: str):
    message = ""
    try:
        assert 0 <= parse_duration(text) <= MAX_DURATION_MS
    except InvalidDuration as exc:
        message = str(exc)
    assert len(message) < 400
