"""What follows an attempt: delivered, tried again at a time, or dead.

The delay runs from the end of the attempt. It is the schedule's, jittered in steps of the next
smaller tier, or what the receiver asked for in `Retry-After` if that is later; the time due is a
whole second, rounded up, so that it is never early.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.domain.acknowledgement import Acknowledgement
from pipeline.domain.delivery import Outcome, Reason
from pipeline.domain.endpoint import RetryPolicy
from pipeline.domain.mail_answers import MailAcknowledgement
from pipeline.domain.retry_after import parse_retry_after
from pipeline.domain.tiers import Tier, jitter_step_ms
from pipeline.domain.verdict import DELIVERED, Dead, RetryAt, Verdict

_SECOND_MS: Final = 1_000


class AttemptResult(NamedTuple):
    """What one attempt gave, as far as it decides what follows."""

    attempt: int
    """Its number, from 1."""
    outcome: Outcome
    status: int | None = None
    retry_after: str | None = None
    """The answer's `Retry-After` header as it came: hostile."""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """An endpoint's rules: its own policy or its profile's, and how answers are read."""

    policy: RetryPolicy
    acknowledgement: Acknowledgement | MailAcknowledgement
    """Its profile's where it gets requests."""
    tiers: tuple[Tier, ...]


def decide(rules: RetryRules, result: AttemptResult, *, now_ms: int, jitter: float) -> Verdict:
    """What follows an attempt that ended at `now_ms`; `jitter` is a random number in [0, 1).

    Accepted is delivered. A 410 where the profile disables gone endpoints is dead as `gone`, a
    final status as `final`, a failure of the last attempt as `exhausted`. Every other failure is
    tried again: redirects, other 4xx, 5xx, time-outs, failures to connect, and addresses that must
    not be dialled, because what a name resolves to may be put right.

    Raises:
        ValueError: the attempt's number is less than 1.
    """
    if result.outcome == Outcome.ACCEPTED:
        return DELIVERED
    if result.outcome == Outcome.REFUSED and (end := rules.acknowledgement.end(result.status)):
        return Dead(end)
    if result.attempt < 1:
        raise ValueError(f"attempts are counted from 1: {result.attempt}")
    delays_ms = rules.policy.delays_ms
    if result.attempt > len(delays_ms):
        return Dead(Reason.EXHAUSTED)
    wait_ms = _jittered(delays_ms[result.attempt - 1], rules, jitter=jitter)
    if result.retry_after is not None:
        wait_ms = max(wait_ms, parse_retry_after(result.retry_after, now_ms=now_ms) or 0)
    return RetryAt(-(-(now_ms + wait_ms) // _SECOND_MS) * _SECOND_MS)


def _jittered(delay_ms: int, rules: RetryRules, *, jitter: float) -> int:
    step_ms = jitter_step_ms(delay_ms, tiers=rules.tiers)
    steps = round(delay_ms * rules.policy.jitter) // step_ms
    return delay_ms + (int(jitter * (2 * steps + 1)) - steps) * step_ms
