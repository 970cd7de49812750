"""What charts are drawn of: pure numbers. Templates draw them, with a table behind each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipeline.api.console.wording import duration, time_ms

_PHASES: Final = (
    ("dns", "DNS"),
    ("connect", "Connect"),
    ("tls", "TLS"),
    ("first_byte", "First byte"),
    ("rest", "Rest"),
)
_LEAST_WIDTH: Final = 0.6


class Bar(NamedTuple):
    """One hour of a sparkline."""

    x: float
    accepted_y: float
    accepted_height: float
    failed_y: float
    failed_height: float
    time: str
    requests: int
    failed: int


class Span(NamedTuple):
    """A piece of a line, in per cent of it."""

    name: str
    label: str
    start: float
    width: float
    value_ms: float


class Dot(NamedTuple):
    """A point on a time line, in per cent of it."""

    x: float
    number: int
    after_ms: float
    label: str


def hours(series: Sequence[Mapping[str, Any]], *, height: float = 28.0) -> list[Bar]:
    """Bars of width 1 with what failed on top of what was accepted."""
    most = max((hour["requests"] for hour in series), default=0) or 1
    bars: list[Bar] = []
    for number, hour in enumerate(series):
        requests, accepted = hour["requests"], hour["accepted"]
        failed = requests - accepted
        low = accepted / most * height
        top = failed / most * height
        if failed:
            top = max(top, 2.0)
        low = min(low, height - top)
        bars.append(
            Bar(number, height - low, low, height - low - top, top, hour["time"], requests, failed)
        )
    return bars


def phases(found: Mapping[str, float] | None, total_ms: float) -> list[Span]:
    """What a request's time went into, one after the other; each phase is told by its length."""
    lengths = dict(found or {})
    whole_ms = max(lengths.pop("total", 0.0), total_ms, sum(lengths.values())) or 1.0
    lengths["rest"] = whole_ms - sum(lengths.values())
    spans: list[Span] = []
    begun_ms = 0.0
    for name, label in _PHASES:
        lasted_ms = lengths.get(name, 0.0)
        if lasted_ms > 0:
            width = max(lasted_ms / whole_ms * 100, _LEAST_WIDTH)
            spans.append(Span(name, label, begun_ms / whole_ms * 100, width, lasted_ms))
        begun_ms += lasted_ms
    return spans


def schedule(delays_ms: Sequence[int]) -> list[Dot]:
    """Attempts on a logarithmic line: seconds and days are both to be seen."""
    after_ms = 0
    times = [0]
    for delay_ms in delays_ms:
        after_ms += delay_ms
        times.append(after_ms)
    return [
        Dot(x, number, time, duration(time) if time else "at once")
        for number, (x, time) in enumerate(zip(_places(times), times, strict=True), start=1)
    ]


def attempts(log: Sequence[Mapping[str, Any]]) -> list[Dot]:
    """When a delivery's attempts began, since the first."""
    if not log:
        return []
    first_ms = time_ms(log[0]["started_at"])
    times = [max(time_ms(attempt["started_at"]) - first_ms, 0) for attempt in log]
    return [
        Dot(x, attempt["attempt"], time, f"+{duration(time)}" if time else "first")
        for attempt, x, time in zip(log, _places(times), times, strict=True)
    ]


def _places(times: Sequence[int]) -> list[float]:
    if len(times) == 1:
        return [0.0]
    logs = [math.log10(1 + time / 1_000) for time in times]
    longest = max(logs) or 1.0
    return [round(log / longest * 100, 2) for log in logs]
