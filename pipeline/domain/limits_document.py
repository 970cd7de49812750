"""The limits of an endpoint, as they are written: time-out, requests at a time, rate."""

from __future__ import annotations

from typing import Final

from pipeline.domain.circuit import MAX_IN_FLIGHT
from pipeline.domain.document import DocumentError, Fields, duration_of, positive_of
from pipeline.domain.endpoint import RateLimit

MIN_TIMEOUT_MS: Final = 1_000
MAX_TIMEOUT_MS: Final = 60_000
MAX_RATE_REQUESTS: Final = 1_000_000
MAX_RATE_PERIOD_MS: Final = 86_400_000


def read_timeout_ms(value: object, pointer: str) -> int:
    """A time-out of 1s to 60s. Raises DocumentError."""
    timeout_ms = duration_of(value, pointer)
    if not MIN_TIMEOUT_MS <= timeout_ms <= MAX_TIMEOUT_MS:
        raise DocumentError(pointer, f"{value}: write 1s to 60s")
    return timeout_ms


def read_max_in_flight(value: object, pointer: str) -> int:
    """A whole number of 1 to 256. Raises DocumentError."""
    return _whole_up_to(value, pointer, most=MAX_IN_FLIGHT)


def read_rate_limit(value: object, pointer: str) -> RateLimit:
    """`{requests, per}`, per 1s where that is left out. Raises DocumentError."""
    fields = Fields(value, pointer, known=("requests", "per"))
    requests = _whole_up_to(fields.value("requests"), fields.at("requests"), most=MAX_RATE_REQUESTS)
    per_ms = duration_of(fields.text("per", "1s"), fields.at("per"))
    if not 1 <= per_ms <= MAX_RATE_PERIOD_MS:
        raise DocumentError(fields.at("per"), f"{fields.text('per')}: write 1ms to 1d")
    return RateLimit(requests, per_ms)


def _whole_up_to(value: object, pointer: str, *, most: int) -> int:
    number = positive_of(value, pointer)
    if number > most:
        raise DocumentError(pointer, f"{number}: give at most {most}")
    return number
