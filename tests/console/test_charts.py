from __future__ import annotations

import pytest

from pipeline.api.console import charts, wording


def test_a_sparkline_shows_a_single_failure_among_thousands():
    bars = charts.hours([{"time": "t", "requests": 100_000, "accepted": 99_999}])
    assert bars[0].failed_height == 2
    assert bars[0].accepted_height + bars[0].failed_height <= 28


def test_a_day_without_requests_draws_nothing():
    assert charts.hours([{"time": "t", "requests": 0, "accepted": 0}])[0].accepted_height == 0


def test_phases_follow_one_another_and_what_is_left_is_the_rest():
    phases = {"dns": 1.0, "connect": 2.0, "tls": 3.0, "first_byte": 2.0, "total": 10.0}
    found = charts.phases(phases, 10.0)
    assert [(span.label, span.start) for span in found] == [
        ("DNS", 0.0),
        ("Connect", 10.0),
        ("TLS", 30.0),
        ("First byte", 60.0),
        ("Rest", 80.0),
    ]
    assert [span.label for span in charts.phases(None, 5.0)] == ["Rest"]


def test_a_schedule_is_drawn_from_the_first_attempt_to_the_last():
    dots = charts.schedule([5_000, 300_000, 86_400_000])
    assert [dot.number for dot in dots] == [1, 2, 3, 4]
    assert dots[0].x == 0
    assert dots[-1].x == 100
    assert [dot.x for dot in dots] == sorted(dot.x for dot in dots)
    assert dots[-1].label == "1 d"
    assert charts.schedule([])[0].label == "at once"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "\N{EN DASH}"), (1, "100 %"), (0, "0 %"), (0.9999, "99.99 %")]
)
def test_a_share_is_never_rounded_up_to_all(value: float | None, text: str):
    assert wording.share(value) == text


def test_times_are_told_by_how_long_ago_they_are():
    now_ms = wording.time_ms("2026-03-02T11:00:00Z")
    assert wording.age("2026-03-02T10:59:00Z", now_ms) == "1 min ago"
    assert wording.age("2026-03-02T12:00:00Z", now_ms) == "in 1 h"
    assert wording.age(None, now_ms) == "\N{EN DASH}"
