"""When an endpoint is warned of and deactivated: by the attempts alone, whenever they are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.endpoint import Endpoint, EndpointStatus
from pipeline.domain.inactivity import (
    Deactivate,
    Forget,
    InactivityRules,
    Keep,
    Recover,
    Seen,
    Told,
    Tries,
    Verdict,
    Warn,
    after_seeing,
    forgotten,
    judge,
    seen_in,
)
from tests.storage.builders import START_MS, a_failure, an_attempt

DAY_MS = 86_400_000
ENDPOINT = Endpoint("ep_1", "acme", "twelve-build", "own", status_since_ms=1, updated_at_ms=1)
RULES = InactivityRules(after_ms=3 * DAY_MS, gone_disables=True)


def tries_of(*attempts: Any) -> Tries:
    return after_seeing(Tries(), seen_in(attempts).get("ep_1", Seen([])))


def failed(days: float, **changes: Any) -> Any:
    return a_failure(started_at_ms=START_MS + int(days * DAY_MS), **changes)


def accepted(days: float) -> Any:
    return an_attempt(started_at_ms=START_MS + int(days * DAY_MS))


def verdict(*attempts: Any, days: float | None = None, warned: int = 0, **changes: Any) -> Verdict:
    latest = max(attempt.started_at_ms for attempt in attempts)
    now_ms = latest if days is None else START_MS + int(days * DAY_MS)
    tries = tries_of(*attempts)
    endpoint = replace(ENDPOINT, **changes)
    return judge(endpoint, tries, Told(warned), rules=RULES, now_ms=now_ms)


def test_three_days_of_tries_without_a_success_deactivate_it_naming_since_when():
    found = verdict(failed(0), failed(1), failed(3))
    assert found == Deactivate("no delivery succeeded since 2023-11-14T22:13:20Z", START_MS)


def test_a_little_less_does_not():
    assert not isinstance(verdict(failed(0), failed(2.99)), Deactivate)


def test_one_with_nothing_to_send_stays_active_however_long_ago_it_failed():
    assert verdict(failed(0), days=2.9) == Keep()
    assert verdict(failed(0), days=400) == Forget(START_MS)


def test_the_time_begins_with_the_first_failure_after_the_last_success():
    assert verdict(failed(0), accepted(1), failed(3)) == Keep()
    found = verdict(failed(0), accepted(1), failed(1.5), failed(4.5), warned=75)
    assert isinstance(found, Deactivate)
    assert found.since_ms == START_MS + int(1.5 * DAY_MS)


@pytest.mark.parametrize(
    ("days", "warned", "expected"),
    [
        (1.4, 0, None),
        (1.5, 0, 50),
        (1.5, 50, None),
        (2.25, 0, 75),
        (2.25, 50, 75),
        (2.9, 75, None),
    ],
)
def test_its_owner_is_warned_at_half_and_at_three_quarters_once_each(
    days: float, warned: int, expected: int | None
):
    found = verdict(failed(0), failed(days), warned=warned)
    assert found == (Keep() if expected is None else Warn(expected, START_MS))


def test_one_that_was_warned_of_and_succeeds_has_recovered():
    assert verdict(failed(0), failed(2), accepted(2.1), warned=50) == Recover()
    assert verdict(failed(0), failed(2), accepted(2.1)) == Keep()


def test_what_failed_before_it_was_activated_does_not_count():
    since_ms = START_MS + DAY_MS
    found = verdict(failed(0), failed(3.5), status_since_ms=since_ms)
    assert found == Forget(since_ms)
    left = forgotten(tries_of(failed(0), failed(3.5)), since_ms)
    assert left.first_failure_ms == left.last_failure_ms == START_MS + int(3.5 * DAY_MS)


def test_one_that_is_not_active_is_not_judged():
    found = verdict(failed(0), failed(9), status=EndpointStatus.INACTIVE)
    assert found == Forget(START_MS + 9 * DAY_MS)


def test_gone_deactivates_at_once():
    found = verdict(failed(0, reason="gone", status=410, decision="dead"))
    assert found == Deactivate("it answered 410 (gone) at 2023-11-14T22:13:20Z", START_MS)


def test_gone_says_nothing_of_an_endpoint_that_was_changed_since():
    found = verdict(failed(0, reason="gone"), updated_at_ms=START_MS + 1)
    assert found == Forget(START_MS)
    assert forgotten(tries_of(failed(0, reason="gone")), START_MS) == Tries(START_MS)


def test_the_failure_of_a_test_speaks_against_nobody_and_its_success_for_the_endpoint():
    assert verdict(failed(0, cause="test"), failed(3)) == Keep()
    found = verdict(failed(0), an_attempt(cause="test", started_at_ms=START_MS + 1), failed(3))
    assert found == Keep()


_moments = st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=12)


def _seen(moments: list[tuple[int, bool]]) -> Seen:
    attempts = [(an_attempt if ok else a_failure)(started_at_ms=at) for at, ok in moments]
    return seen_in(attempts).get("ep_1", Seen([]))


@settings(deadline=None)
@given(_moments, st.integers(1, 5), st.data())
def test_heard_of_in_any_order_and_again_it_is_never_said_to_fail_longer_than_it_does(
    moments: list[tuple[int, bool]], size: int, data: st.DataObject
):
    order = data.draw(st.permutations(moments + moments))
    tries = Tries()
    for start in range(0, len(order), size):
        tries = after_seeing(tries, _seen(order[start : start + size]))
    success = max((at for at, ok in moments if ok), default=0)
    failures = [at for at, ok in moments if not ok and at > success]
    assert tries.last_success_ms == (success or None)
    assert tries.last_failure_ms == max(failures, default=None)
    assert (tries.first_failure_ms is None) == (not failures)
    assert tries.first_failure_ms is None or tries.first_failure_ms in failures


@settings(deadline=None)
@given(_moments, st.integers(1, 5))
def test_heard_of_in_order_it_is_exact_and_heard_of_again_it_stays(
    moments: list[tuple[int, bool]], size: int
):
    moments = sorted(set(moments))
    tries = Tries()
    for start in range(0, len(moments), size):
        tries = after_seeing(tries, _seen(moments[start : start + size]))
    success = max((at for at, ok in moments if ok), default=0)
    failures = [at for at, ok in moments if not ok and at > success]
    assert tries.first_failure_ms == min(failures, default=None)
    for start in range(0, len(moments), size):
        assert after_seeing(tries, _seen(moments[start : start + size])) == tries
