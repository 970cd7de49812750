"""What follows an attempt."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.acknowledgement import Acknowledgement
from pipeline.domain.delivery import Decision, Outcome, Reason
from pipeline.domain.retry import AttemptResult, RetryRules, decide
from pipeline.domain.retry_schedule import DEFAULT_POLICY, listed
from pipeline.domain.tiers import DEFAULT_TIERS
from pipeline.domain.verdict import DELIVERED, Dead, Delivered, RetryAt, Verdict

NOW_MS = 1_772_000_000_000
MIDDLE = 0.5
"""The jitter that moves nothing."""
RULES = RetryRules(DEFAULT_POLICY, Acknowledgement(), DEFAULT_TIERS)
GONE_RULES = replace(RULES, acknowledgement=Acknowledgement(gone_disables=True))


def decided(result: AttemptResult, rules: RetryRules = RULES) -> Verdict:
    return decide(rules, result, now_ms=NOW_MS, jitter=MIDDLE)


def refused(status: int, *, attempt: int = 1, retry_after: str | None = None) -> AttemptResult:
    return AttemptResult(attempt, Outcome.REFUSED, status, retry_after)


def test_what_is_accepted_is_delivered_whichever_attempt_it_was():
    assert decided(AttemptResult(1, Outcome.ACCEPTED, 200)) is DELIVERED
    assert decided(AttemptResult(99, Outcome.ACCEPTED, 204, "3600")) is DELIVERED
    assert decided(AttemptResult(1, Outcome.ACCEPTED)) is DELIVERED


def test_a_verdict_knows_its_decision():
    assert Delivered().decision is Decision.DELIVERED
    assert RetryAt(0).decision is Decision.RETRY
    assert Dead(Reason.GONE).decision is Decision.DEAD


@pytest.mark.parametrize(
    "result",
    [
        *(refused(status) for status in (301, 302, 307, 308, 400, 404, 408, 410, 425, 429)),
        *(refused(status) for status in (500, 502, 503, 504, 599)),
        AttemptResult(1, Outcome.TIMED_OUT),
        AttemptResult(1, Outcome.UNREACHABLE),
        AttemptResult(1, Outcome.BLOCKED),
    ],
)
def test_every_other_failure_is_tried_again(result: AttemptResult):
    assert decided(result) == RetryAt(NOW_MS + 5_000)


def test_the_delays_follow_each_other_and_then_it_is_exhausted():
    verdicts = [decided(refused(500, attempt=attempt)) for attempt in range(1, 12)]
    expected = [RetryAt(NOW_MS + delay_ms) for delay_ms in DEFAULT_POLICY.delays_ms]
    assert verdicts == [*expected, Dead(Reason.EXHAUSTED), Dead(Reason.EXHAUSTED)]


def test_a_policy_without_delays_tries_once():
    assert decided(refused(500), replace(RULES, policy=listed([]))) == Dead(Reason.EXHAUSTED)


def test_a_final_status_ends_it_at_the_first_attempt():
    rules = replace(RULES, acknowledgement=Acknowledgement(final=frozenset({404})))
    assert decided(refused(404), rules) == Dead(Reason.FINAL)
    assert decided(refused(400), rules) == RetryAt(NOW_MS + 5_000)


def test_a_410_is_dead_as_gone_only_where_the_profile_disables():
    assert decided(refused(410), GONE_RULES) == Dead(Reason.GONE)
    assert decided(refused(410, attempt=10), GONE_RULES) == Dead(Reason.GONE)
    assert decided(refused(410), RULES) == RetryAt(NOW_MS + 5_000)
    assert decided(AttemptResult(1, Outcome.TIMED_OUT, 410), GONE_RULES) == RetryAt(NOW_MS + 5_000)


def test_retry_after_moves_the_next_attempt_later_and_never_earlier():
    assert decided(refused(503, retry_after="60")) == RetryAt(NOW_MS + 60_000)
    assert decided(refused(404, retry_after="60")) == RetryAt(NOW_MS + 60_000)
    assert decided(refused(302, retry_after="60")) == RetryAt(NOW_MS + 60_000)
    assert decided(refused(503, retry_after="1")) == RetryAt(NOW_MS + 5_000)
    assert decided(refused(503, attempt=2, retry_after="60")) == RetryAt(NOW_MS + 300_000)
    assert decided(refused(503, retry_after="nonsense")) == RetryAt(NOW_MS + 5_000)
    assert decided(refused(503, retry_after="9" * 60)) == RetryAt(NOW_MS + 86_400_000)


def test_retry_after_gives_no_further_attempt():
    assert decided(refused(503, attempt=10, retry_after="60")) == Dead(Reason.EXHAUSTED)


def test_the_time_due_is_a_whole_second_rounded_up():
    def due_at_ms(now_ms: int) -> Verdict:
        return decide(RULES, refused(500), now_ms=now_ms, jitter=MIDDLE)

    assert due_at_ms(NOW_MS) == RetryAt(NOW_MS + 5_000)
    assert due_at_ms(NOW_MS + 1) == RetryAt(NOW_MS + 6_000)
    assert due_at_ms(NOW_MS + 999) == RetryAt(NOW_MS + 6_000)


def test_jitter_moves_in_steps_of_the_next_smaller_tier():
    def waits_ms(attempt: int) -> set[int]:
        verdicts = (
            decide(RULES, refused(500, attempt=attempt), now_ms=NOW_MS, jitter=share / 1_000)
            for share in range(1_000)
        )
        return {verdict.due_at_ms - NOW_MS for verdict in verdicts if isinstance(verdict, RetryAt)}

    assert waits_ms(1) == {5_000}
    assert waits_ms(2) == set(range(270_000, 330_001, 5_000))
    assert waits_ms(3) == set(range(27 * 60_000, 33 * 60_000 + 1, 60_000))
    assert waits_ms(4) == {110 * 60_000, 120 * 60_000, 130 * 60_000}
    assert waits_ms(6) == {9 * 3_600_000, 10 * 3_600_000, 11 * 3_600_000}


@given(
    attempt=st.integers(1, 9),
    now_ms=st.integers(0, 2**42),
    jitter=st.floats(0, 1, exclude_max=True),
    retry_after=st.none() | st.integers(0, 10**12).map(str) | st.text(max_size=40),
)
def test_a_retry_is_never_before_its_jittered_delay_nor_much_later(
    attempt: int, now_ms: int, jitter: float, retry_after: str | None
):
    result = AttemptResult(attempt, Outcome.REFUSED, 503, retry_after)
    verdict = decide(RULES, result, now_ms=now_ms, jitter=jitter)
    assert isinstance(verdict, RetryAt)
    delay_ms = DEFAULT_POLICY.delays_ms[attempt - 1]
    assert verdict.due_at_ms % 1_000 == 0
    assert verdict.due_at_ms >= now_ms + 0.9 * delay_ms
    assert verdict.due_at_ms <= now_ms + max(1.1 * delay_ms, 86_400_000) + 1_000
    without = decide(RULES, result._replace(retry_after=None), now_ms=now_ms, jitter=jitter)
    assert isinstance(without, RetryAt)
    assert verdict.due_at_ms >= without.due_at_ms


def test_a_higher_number_jitters_to_a_later_time():
    def due_at_ms(jitter: float) -> Verdict:
        return decide(RULES, refused(500, attempt=2), now_ms=NOW_MS, jitter=jitter)

    assert due_at_ms(0.0) == RetryAt(NOW_MS + 270_000)
    assert due_at_ms(0.999) == RetryAt(NOW_MS + 330_000)


def test_attempts_are_counted_from_one():
    with pytest.raises(ValueError, match="counted from 1: 0"):
        decided(refused(500, attempt=0))
