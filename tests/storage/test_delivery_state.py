from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.delivery import Position
from pipeline.domain.delivery_state import (
    Pending,
    Standing,
    State,
    Tried,
    completed,
    identity_of_attempt,
    identity_of_buried,
    identity_of_delivery,
    joined,
    standing_after,
    standing_buried,
    standing_pending,
)
from tests.storage.builders import START_MS, a_delivery, a_failure, a_letter, an_attempt, buried

_laws = settings(deadline=None)  # how long an example takes says nothing
_states = st.sampled_from([state.value for state in State])
_small = st.integers(0, 3)
_tried = st.builds(
    Tried,
    state=_states,
    attempt=_small,
    started_at_ms=_small,
    http_status=st.none() | _small,
    next_attempt_at_ms=st.none() | _small,
    record=st.builds(Position, st.sampled_from("ab"), _small, _small),
)
_standings = st.builds(
    Standing,
    state=_states,
    attempts=_small,
    created_at_ms=_small,
    deciding=st.none() | _tried,
)


@_laws
@given(_standings, _standings)
def test_it_does_not_matter_which_comes_first(one: Standing, other: Standing):
    assert joined(one, other) == joined(other, one)


@_laws
@given(_standings, _standings, _standings)
def test_it_does_not_matter_which_are_joined_first(one: Standing, two: Standing, three: Standing):
    assert joined(joined(one, two), three) == joined(one, joined(two, three))


@_laws
@given(_standings, _standings)
def test_what_is_said_again_changes_nothing(one: Standing, other: Standing):
    both = joined(one, other)
    assert joined(one, one) == one
    assert joined(both, other) == both


def test_states_go_from_pending_over_retrying_and_dead_to_delivered():
    names = [state.status for state in sorted(State)]
    assert names == ["pending", "retrying", "dead", "dropped", "delivered"]


def test_a_dropped_delivery_is_not_dead_and_stays_dropped_whatever_failed_before():
    dropped = standing_buried(buried(a_letter(reason="dropped")))
    assert State(dropped.state).status == "dropped"
    for other in (standing_after(a_failure()), standing_buried(buried(a_letter()))):
        assert joined(other, dropped).state == State.DROPPED


def test_a_delivered_attempt_decides_over_later_failures():
    delivered = standing_after(an_attempt(attempt=2))
    failed = standing_after(a_failure(attempt=3, started_at_ms=START_MS + 9))
    both = joined(delivered, failed)
    assert (both.state, both.attempts) == (State.DELIVERED, 3)
    assert both.deciding == delivered.deciding


def test_of_equal_decisions_the_latest_decides():
    first, second = a_failure(), a_failure(attempt=2, status=500, started_at_ms=START_MS - 5)
    both = joined(standing_after(second), standing_after(first))
    assert both.deciding is not None
    assert both.deciding.http_status == 500
    assert both.created_at_ms == START_MS - 5


def test_an_unknown_decision_is_counted_and_decides_nothing():
    standing = standing_after(an_attempt(decision="postponed", attempt=4))
    assert (standing.state, standing.attempts) == (State.PENDING, 4)


def test_a_dead_letter_is_as_old_as_the_first_attempt():
    tried = a_delivery(first_attempt_at_ms=START_MS - 70)
    assert standing_buried(buried(a_letter(), tried)).created_at_ms == START_MS - 70
    assert standing_buried(buried(a_letter(), a_delivery())).created_at_ms == START_MS + 60_000


def test_a_pending_delivery_is_the_least_that_can_be_said():
    pending = standing_pending(Pending(a_delivery(), START_MS))
    assert joined(pending, standing_after(an_attempt())) == standing_after(an_attempt())


def test_a_dead_letter_without_a_delivery_is_of_none():
    assert identity_of_buried(buried(a_letter(delivery=None))) is None
    assert identity_of_buried(buried(a_letter(endpoint=None))) is None


def test_an_attempt_and_its_delivery_tell_the_same():
    assert identity_of_attempt(an_attempt()) == identity_of_delivery(a_delivery())


def test_what_one_does_not_know_the_other_adds():
    little = identity_of_buried(buried(a_letter()))
    assert little is not None
    assert little.event_id is None
    full = identity_of_delivery(a_delivery(), original="dlv_0")
    assert completed(little, full) == full
    assert completed(full, little) == full
