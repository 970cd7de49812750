"""The ledger's law: what is committable was finished, in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.ledger import Ledger


def test_nothing_is_committable_beyond_the_start_before_the_first_record_is_finished() -> None:
    ledger = Ledger(7)
    ledger.accept(7, 10)
    assert ledger.committable == 7


def test_a_later_record_finished_first_commits_nothing() -> None:
    ledger = Ledger(0)
    ledger.accept(0, 10)
    ledger.accept(1, 10)
    ledger.finish(1)
    assert ledger.committable == 0


def test_the_head_finished_last_commits_all() -> None:
    ledger = Ledger(0)
    for offset in range(3):
        ledger.accept(offset, 10)
    for offset in (2, 1, 0):
        ledger.finish(offset)
    assert ledger.committable == 3
    assert ledger.unfinished_bytes == 0


def test_offsets_that_were_never_received_are_not_waited_for() -> None:
    ledger = Ledger(0)
    ledger.accept(0, 1)
    ledger.accept(5, 1)
    ledger.finish(0)
    ledger.finish(5)
    assert ledger.committable == 6


def test_a_record_that_comes_again_is_not_taken_twice() -> None:
    ledger = Ledger(0)
    assert ledger.accept(0, 1)
    assert not ledger.accept(0, 1)
    ledger.finish(0)
    assert not ledger.accept(0, 1)


def test_finishing_twice_is_a_fault() -> None:
    ledger = Ledger(0)
    ledger.accept(0, 1)
    ledger.finish(0)
    with pytest.raises(KeyError):
        ledger.finish(0)


def test_a_position_is_skipped_to_only_when_nothing_is_unfinished() -> None:
    ledger = Ledger(0)
    ledger.accept(0, 1)
    ledger.skip_to(9)
    assert ledger.committable == 0
    ledger.finish(0)
    ledger.skip_to(9)
    assert ledger.committable == 9
    ledger.skip_to(3)
    assert ledger.committable == 9


@given(st.data())
def test_committable_never_passes_an_unfinished_record_and_never_goes_back(
    data: st.DataObject,
) -> None:
    gaps = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=60))
    offsets = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    ledger = Ledger(0)
    received: list[int] = []
    finished: set[int] = set()
    last = 0
    while len(finished) < len(offsets):
        can_receive = len(received) < len(offsets)
        open_now = [offset for offset in received if offset not in finished]
        if can_receive and (not open_now or data.draw(st.booleans())):
            offset = offsets[len(received)]
            ledger.accept(offset, offset)
            received.append(offset)
        else:
            offset = data.draw(st.sampled_from(open_now))
            ledger.finish(offset)
            finished.add(offset)
        unfinished = [offset for offset in received if offset not in finished]
        assert ledger.committable <= min(unfinished, default=received[-1] + 1)
        assert all(offset in finished for offset in received if offset < ledger.committable)
        assert ledger.committable >= last
        assert ledger.unfinished == len(unfinished)
        assert ledger.unfinished_bytes == sum(unfinished)
        last = ledger.committable
    assert ledger.committable == offsets[-1] + 1


def test_what_an_earlier_owner_finished_is_passed_over() -> None:
    ledger = Ledger(0, {1, 2, 5})
    assert ledger.accept(0, 1)
    assert not ledger.accept(1, 1)
    assert not ledger.accept(2, 1)
    assert ledger.accept(3, 1)
    assert sorted(ledger.finished_beyond) == [1, 2, 5]
    ledger.finish(0)
    assert ledger.committable == 3
    ledger.finish(3)
    assert ledger.accept(4, 1)
    assert not ledger.accept(5, 1)
    assert not ledger.accept(5, 1)
    ledger.finish(4)
    assert ledger.committable == 6
    assert not ledger.finished_beyond


def test_what_was_finished_at_the_head_moves_it() -> None:
    ledger = Ledger(0, {0, 1})
    assert not ledger.accept(0, 1)
    assert ledger.committable == 1
    assert ledger.unfinished == 0
