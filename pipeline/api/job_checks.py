"""What replays and redrives are checked for alike."""

from __future__ import annotations

from pipeline.api.problems import FieldError, conflict, invalid
from pipeline.api.times import read_time_ms
from pipeline.domain.endpoint import Endpoint, EndpointStatus


def read_span(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """In milliseconds since 1970; `until` is not within. Raises Problem (422)."""
    since_ms = read_time_ms(since, pointer="/since")
    until_ms = read_time_ms(until, pointer="/until")
    if since_ms is not None and since_ms < 0:
        raise invalid([FieldError("/since", "is before 1970: give a later time")])
    if until_ms is not None and until_ms <= (since_ms or 0):
        raise invalid([FieldError("/until", "must be later than since")])
    return since_ms, until_ms


def check_active(endpoint: Endpoint) -> None:
    """Raises Problem: 409 for one that gets nothing."""
    if endpoint.status is not EndpointStatus.ACTIVE:
        raise conflict(f"The endpoint is {endpoint.status}: activate it first.")
