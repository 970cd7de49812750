"""What was asked for a delivery that waits holds, in whatever order its records are read again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.calling_forward import called_forward
from pipeline.domain.delivery_state import State
from pipeline.domain.interventions import (
    EVERY_ATTEMPT,
    Intervention,
    Interventions,
    Kind,
    called_forward_by,
    done,
    header_of,
    key_of,
)
from tests.storage.builders import a_delivery

RETRY = Intervention("dlv_1", "e-1", Kind.RETRY_NOW, 3)
DROP = Intervention("dlv_1", "e-1", Kind.DROP, EVERY_ATTEMPT)


def table_of(*told: Intervention) -> Interventions:
    table = Interventions()
    for offset, each in enumerate(told):
        table.apply(each, offset=offset, appended_at_ms=offset * 1_000)
    return table


def test_a_retry_is_for_attempts_up_to_the_one_that_was_asked_for():
    table = table_of(RETRY)
    assert table.is_asked("dlv_1")
    assert [table.is_to_be_tried_now("dlv_1", number) for number in (2, 3, 4)] == [
        True,
        True,
        False,
    ]
    assert not table.is_superseded("dlv_1", 3)
    assert not table.is_dropped("dlv_1")
    assert not table.is_asked("dlv_2")


def test_who_is_through_with_an_attempt_supersedes_its_copies_and_not_what_follows():
    table = table_of(RETRY, done("dlv_1", "e-1", attempt=3, state=None))
    assert [table.is_superseded("dlv_1", number) for number in (2, 3, 4)] == [True, True, False]
    ended = table_of(RETRY, done("dlv_1", "e-1", attempt=3, state=State.DELIVERED))
    assert ended.is_superseded("dlv_1", 99)
    outcome = ended.outcome("dlv_1")
    assert outcome is not None
    assert outcome.ended == "delivered"


def test_a_second_operator_and_a_late_owner_take_nothing_back():
    end = done("dlv_1", "e-1", attempt=3, state=State.DROPPED)
    table = table_of(DROP, end, DROP, RETRY, done("dlv_1", "e-1", attempt=2, state=None))
    assert table.is_dropped("dlv_1")
    assert table.is_superseded("dlv_1", 3)
    assert table.outcome("dlv_1") == end


@given(st.permutations([RETRY, DROP, done("dlv_1", "e-1", attempt=3, state=None)]))
def test_each_side_has_keys_of_its_own_so_compaction_forgets_no_side(told: list[Intervention]):
    assert len({each.key for each in told}) == 3
    table = table_of(*told)
    assert table.is_dropped("dlv_1")
    assert table.is_superseded("dlv_1", 3)
    assert table.is_to_be_tried_now("dlv_1", 3)


def test_what_is_old_is_named_and_what_was_taken_back_is_forgotten():
    table = table_of(DROP, RETRY, done("dlv_1", "e-1", attempt=3, state=None))
    assert table.older_than(1_000) == [DROP.key]
    assert table.offset_of(RETRY.key) == 1
    for offset, each in enumerate((DROP, RETRY)):
        table.forget(each.key, offset=3 + offset)
    table.forget(key_of(Kind.DONE, "dlv_1"), offset=5)
    assert not table.is_asked("dlv_1")
    assert not table.is_superseded("dlv_1", 1)
    assert (table.older_than(10_000), table.reached) == ([], 6)


def test_the_table_is_as_far_as_its_records_or_its_end():
    table = table_of(RETRY)
    assert table.reached == 1
    table.reach(7)
    table.reach(2)
    assert table.reached == 7


def test_a_header_says_where_the_table_tells_why_and_nothing_else_is_taken_for_one():
    assert called_forward_by([("traceparent", b"00-1"), header_of(41)]) == 41
    for value in (None, b"", b"-1", b"1e3", b"9" * 40, "²".encode()):
        assert called_forward_by([("intervention", value)]) is None
    assert called_forward_by([]) is None


def test_a_copy_has_the_number_of_the_attempt_that_waits_and_is_due_at_once():
    tried = a_delivery(attempt=2, parked=3, due_at_ms=9, first_attempt_at_ms=5)
    copy = called_forward(tried, attempts=2, created_at_ms=1)
    assert copy == tried._replace(attempt=3, parked=0, due_at_ms=None)
    first = called_forward(tried._replace(first_attempt_at_ms=None), attempts=1, created_at_ms=1)
    assert (first.attempt, first.first_attempt_at_ms) == (2, 1)
