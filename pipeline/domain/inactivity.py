"""When an endpoint is inactive: nothing succeeded for so long, though deliveries were tried.

Judged by the attempts alone, by when they began: it does not matter when they are heard of, in
which order and how often, and an endpoint that has nothing to send stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.domain.delivery import Attempt, Cause, Outcome, Reason
from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.rfc3339 import time_text_of

WARNINGS: Final = (75, 50)
"""Per cent of the time at which the owner is warned, the greatest first."""

_US_PER_SECOND: Final = 1_000_000
_ACCEPTED: Final = Outcome.ACCEPTED.value
_GONE: Final = Reason.GONE.value
_TEST: Final = Cause.TEST.value


class Tries(NamedTuple):
    """What is known of the attempts to one endpoint."""

    counted_from_ms: int = 0
    """Failures that began no later do not count: there was a success, or another beginning."""
    first_failure_ms: int | None = None
    """Of those that count."""
    last_failure_ms: int | None = None
    last_success_ms: int | None = None
    gone_at_ms: int | None = None
    """When the attempt began that was answered last that the endpoint is gone."""


class Seen(NamedTuple):
    """What some attempts say of one endpoint."""

    failures: list[int]
    """When they began."""
    last_success_ms: int | None = None
    gone_at_ms: int | None = None


class Told(NamedTuple):
    """What people were told of one endpoint, and what they are to be told."""

    warned_percent: int = 0
    dead_untold: int = 0
    """Dead letters since the last time that they were told of."""
    dead_told_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class InactivityRules:
    """What an endpoint's profile says."""

    after_ms: int
    gone_disables: bool


class Keep(NamedTuple):
    """Nothing is to be done."""


class Forget(NamedTuple):
    """Failures until then do not count any more."""

    until_ms: int


class Recover(NamedTuple):
    """It was warned of, and something has succeeded since."""


class Warn(NamedTuple):
    """So much of its time is over."""

    percent: int
    since_ms: int


class Deactivate(NamedTuple):
    """It gets nothing any more."""

    reason: str
    since_ms: int
    """Of the failure that it began with."""


Verdict = Keep | Forget | Recover | Warn | Deactivate


def seen_in(attempts: Iterable[Attempt]) -> dict[str, Seen]:
    """By endpoint. The failure of a test speaks against nobody: somebody is trying things out."""
    seen: dict[str, Seen] = {}
    for attempt in attempts:
        its = seen.get(attempt.endpoint)
        if its is None:
            its = seen[attempt.endpoint] = Seen([])
        at_ms = attempt.started_at_ms
        if attempt.outcome == _ACCEPTED:
            if its.last_success_ms is None or at_ms > its.last_success_ms:
                seen[attempt.endpoint] = its._replace(last_success_ms=at_ms)
            continue
        if attempt.cause != _TEST:
            its.failures.append(at_ms)
        if attempt.reason == _GONE:
            seen[attempt.endpoint] = its._replace(gone_at_ms=_latest(its.gone_at_ms, at_ms))
    return seen


def after_seeing(tries: Tries, seen: Seen) -> Tries:
    """What is known with these attempts; the same ones again add nothing.

    Where a success is heard of late, the first failure after it may have been forgotten: then a
    later one stands for it. So it is never earlier than it was.
    """
    counted_from_ms = max(tries.counted_from_ms, seen.last_success_ms or 0)
    known = (tries.first_failure_ms, tries.last_failure_ms, *seen.failures)
    counting = [at_ms for at_ms in known if at_ms is not None and at_ms > counted_from_ms]
    return Tries(
        counted_from_ms,
        min(counting, default=None),
        max(counting, default=None),
        _latest(tries.last_success_ms, seen.last_success_ms),
        _latest(tries.gone_at_ms, seen.gone_at_ms),
    )


def forgotten(tries: Tries, until_ms: int) -> Tries:
    """What is left where failures until then do not count."""
    gone_at_ms = tries.gone_at_ms
    if gone_at_ms is not None and gone_at_ms <= until_ms:
        gone_at_ms = None
    counted_from_ms = max(tries.counted_from_ms, until_ms)
    return after_seeing(
        tries._replace(counted_from_ms=counted_from_ms, gone_at_ms=gone_at_ms), Seen([])
    )


def judge(
    endpoint: Endpoint, tries: Tries, told: Told, *, rules: InactivityRules, now_ms: int
) -> Verdict:
    """What follows for the endpoint as it is now."""
    if endpoint.status is not EndpointStatus.ACTIVE:
        is_quiet = (tries.first_failure_ms, tries.gone_at_ms, told.warned_percent) == _QUIET
        return Keep() if is_quiet else Forget(now_ms)
    if tries.gone_at_ms is not None:
        return _judge_gone(endpoint, tries.gone_at_ms, rules)
    first_ms, last_ms = tries.first_failure_ms, tries.last_failure_ms
    if first_ms is None or last_ms is None:
        return Recover() if told.warned_percent else Keep()
    if first_ms <= endpoint.status_since_ms:
        return Forget(endpoint.status_since_ms)
    if last_ms - first_ms < rules.after_ms < now_ms - last_ms:
        return Forget(last_ms)  # nothing was tried for so long
    return _judge_failing(first_ms, last_ms, told, rules)


def _judge_gone(endpoint: Endpoint, gone_at_ms: int, rules: InactivityRules) -> Verdict:
    if not rules.gone_disables or gone_at_ms <= endpoint.updated_at_ms:
        return Forget(gone_at_ms)  # it was another version that was gone
    return Deactivate(f"it answered 410 (gone) at {_text_of(gone_at_ms)}", gone_at_ms)


def _judge_failing(first_ms: int, last_ms: int, told: Told, rules: InactivityRules) -> Verdict:
    passed_ms = last_ms - first_ms
    if passed_ms >= rules.after_ms:
        return Deactivate(f"no delivery succeeded since {_text_of(first_ms)}", first_ms)
    percent = next((each for each in WARNINGS if passed_ms * 100 >= each * rules.after_ms), 0)
    return Warn(percent, first_ms) if percent > told.warned_percent else Keep()


def _text_of(time_ms: int) -> str:
    return time_text_of(time_ms // 1_000 * _US_PER_SECOND)


_QUIET: Final = (None, None, 0)


def _latest(one_ms: int | None, other_ms: int | None) -> int | None:
    if one_ms is None or other_ms is None:
        return other_ms if one_ms is None else one_ms
    return max(one_ms, other_ms)
