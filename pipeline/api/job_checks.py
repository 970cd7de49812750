"""What replays and redrives are checked for alike."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.api.problems import FieldError, conflict, invalid
from pipeline.api.times import read_time_ms
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.type_patterns import InvalidTypePattern, compile_patterns


def read_span(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """In milliseconds since 1970; `until` is not within. Raises Problem (422)."""
    since_ms = read_time_ms(since, pointer="/since")
    until_ms = read_time_ms(until, pointer="/until")
    if since_ms is not None and since_ms < 0:
        raise invalid([FieldError("/since", "is before 1970: give a later time")])
    if until_ms is not None and until_ms <= (since_ms or 0):
        raise invalid([FieldError("/until", "must be later than since")])
    return since_ms, until_ms


def check_types(patterns: Sequence[str]) -> None:
    """Raises Problem (422): one is no pattern of event types."""
    try:
        compile_patterns(patterns)
    except InvalidTypePattern as exc:
        raise invalid([FieldError("/event_types", str(exc))]) from exc


def check_active(endpoint: Endpoint) -> None:
    """Raises Problem: 409 for one that gets nothing."""
    if endpoint.status is not EndpointStatus.ACTIVE:
        raise conflict(f"The endpoint is {endpoint.status}: activate it first.")
