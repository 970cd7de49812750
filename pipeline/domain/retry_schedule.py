"""Retry schedules: the default one, lists, and exponential ones, which become lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pipeline.domain.durations import format_duration
from pipeline.domain.endpoint import RetryPolicy

DEFAULT_POLICY: Final = RetryPolicy(
    delays_ms=(
        5_000,
        5 * 60_000,
        30 * 60_000,
        2 * 3_600_000,
        5 * 3_600_000,
        10 * 3_600_000,
        14 * 3_600_000,
        20 * 3_600_000,
        24 * 3_600_000,
    ),
    jitter=0.1,
)
"""Ten attempts over about 75 hours."""

MAX_ATTEMPTS: Final = 100
SHORTEST_DELAY_MS: Final = 1_000
LONGEST_SCHEDULE_MS: Final = 30 * 86_400_000
"""A record that waits longer expires, so a longer schedule would never be finished."""
MAX_JITTER: Final = 0.5
MAX_FACTOR: Final = 100.0


class InvalidRetryPolicy(ValueError):
    """A schedule cannot be kept; the message names the field and what it may be."""


def listed(delays_ms: Iterable[int], *, jitter: float = 0.0) -> RetryPolicy:
    """A policy with these delays: n of them make n + 1 attempts, none makes one.

    Raises:
        InvalidRetryPolicy: a delay is under 1s, there are more than 99, they add up to more than 30
            days with the jitter, or the jitter is not 0-0.5.
    """
    delays = tuple(delays_ms)
    _check_jitter(jitter)
    if len(delays) > MAX_ATTEMPTS - 1:
        raise InvalidRetryPolicy(
            f"retry.delays has {len(delays)} delays: use at most {MAX_ATTEMPTS - 1}"
        )
    for index, delay_ms in enumerate(delays):
        if delay_ms < SHORTEST_DELAY_MS:
            raise InvalidRetryPolicy(
                f"retry.delays[{index}] is {_shown(delay_ms)}: use at least 1s"
            )
    _check_total(delays, jitter, field="retry.delays")
    return RetryPolicy(delays, jitter)


def exponential(
    *, first_ms: int, factor: float, cap_ms: int, attempts: int, jitter: float = 0.0
) -> RetryPolicy:
    """A policy whose delay starts at `first_ms` and is multiplied each time, up to `cap_ms`.

    `attempts` counts the first one, so there are `attempts - 1` delays, in whole milliseconds.

    Raises:
        InvalidRetryPolicy: a value is out of its range, or the delays add up to over 30 days.
    """
    _check_jitter(jitter)
    if not 1 <= attempts <= MAX_ATTEMPTS:
        raise InvalidRetryPolicy(f"retry.attempts is {attempts}: use 1 to {MAX_ATTEMPTS}")
    if not 1.0 <= factor <= MAX_FACTOR:
        raise InvalidRetryPolicy(f"retry.factor is {factor}: use 1 to {MAX_FACTOR:g}")
    if first_ms < SHORTEST_DELAY_MS:
        raise InvalidRetryPolicy(f"retry.first is {_shown(first_ms)}: use at least 1s")
    if cap_ms < first_ms:
        raise InvalidRetryPolicy(
            f"retry.cap is {_shown(cap_ms)}, less than retry.first ({_shown(first_ms)}):"
            " use at least that"
        )
    delays: list[int] = []
    delay_ms = float(first_ms)
    for _ in range(attempts - 1):
        delays.append(min(round(delay_ms), cap_ms))
        # Capped as it grows: 100 to the power of 100 must not become infinite.
        delay_ms = min(delay_ms * factor, float(cap_ms))
    _check_total(delays, jitter, field="retry.attempts")
    return listed(delays, jitter=jitter)


def _shown(delay_ms: int) -> str:
    return format_duration(delay_ms) if delay_ms >= 0 else f"{delay_ms} ms"


def _check_jitter(jitter: float) -> None:
    if not 0.0 <= jitter <= MAX_JITTER:
        raise InvalidRetryPolicy(f"retry.jitter is {jitter}: use 0 to {MAX_JITTER}")


def _check_total(delays_ms: Sequence[int], jitter: float, *, field: str) -> None:
    total_ms = sum(delays_ms) * (1.0 + jitter)
    if total_ms > LONGEST_SCHEDULE_MS:
        raise InvalidRetryPolicy(
            f"{field}: the delays add up to {total_ms / 86_400_000:.1f} days:"
            f" at most {LONGEST_SCHEDULE_MS // 86_400_000}, because what waits longer expires"
        )
