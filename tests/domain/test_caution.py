"""Who kills its readers is found, and nobody else is accused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.domain.caution import (
    ALONE_CRASHES,
    GROUP_RECORDS,
    HEAD_CRASHES,
    NO_NOTE,
    NONE,
    RUNNING,
    Caution,
    CommitNote,
    Trying,
    at_head,
    at_start,
    is_culprit,
    next_group,
    read_note,
    write_note,
)


@dataclass
class Reader:
    """A partition of ten thousand records, read by processes that die of some."""

    culprits: set[int]
    head: int = 0
    note: CommitNote = NO_NOTE
    deaths: int = 0

    def read(self) -> list[int]:
        """Until all is read; answers which were given up."""
        given_up: list[int] = []
        for _ in range(1_000):
            if self._live(given_up):
                return given_up
            self.deaths += 1
        raise AssertionError("it goes on dying")

    def _live(self, given_up: list[int]) -> bool:
        caution = at_start(self.note, self.head)
        for _ in range(20_000):
            caution = at_head(caution, self.head)
            if self.head >= 10_000:
                return True
            self.note = CommitNote(is_running=True, caution=caution)
            if is_culprit(caution, self.head):
                given_up.append(self.head)
                self.head += 1
                continue
            group = next_group(caution, range(self.head, 10_000))
            last = self.head + 499 if group is None else group.last
            if group is not None:
                caution = replace(caution, trying=group)
                self.note = CommitNote(is_running=True, caution=caution)
            if self.culprits & set(range(self.head, last + 1)) - set(given_up):
                return False
            self.head = last + 1
        raise AssertionError("it does not come to an end")


@given(st.sets(st.integers(0, 9_999), max_size=4))
def test_exactly_those_are_given_up_that_kill(culprits: set[int]) -> None:
    reader = Reader(culprits)
    assert sorted(reader.read()) == sorted(culprits)


def test_one_culprit_costs_as_many_deaths_as_the_rules_say() -> None:
    reader = Reader({700})
    reader.read()
    assert reader.deaths == HEAD_CRASHES + 1 + ALONE_CRASHES


def test_deaths_while_the_head_moves_are_nobodys_fault() -> None:
    note = RUNNING
    for head in range(0, 100, 10):
        caution = at_start(note, head)
        assert not caution.until
        note = CommitNote(is_running=True, caution=caution)


def test_a_process_that_ended_in_order_leaves_no_suspicion() -> None:
    note = RUNNING
    for _ in range(HEAD_CRASHES - 1):
        note = CommitNote(is_running=True, caution=at_start(note, 5))
    in_order = CommitNote(caution=note.caution)
    assert at_start(in_order, 5) == note.caution
    assert not at_start(in_order, 5).until


def test_one_death_alone_accuses_and_does_not_yet_give_up() -> None:
    careful = Caution(until=100, suspects=(10, 20), trying=Trying(12, 12, is_alone=True))
    once = at_start(CommitNote(is_running=True, caution=careful), 10)
    assert (once.accused, once.times) == (12, 1)
    assert not is_culprit(once, 12)


def test_a_death_while_nothing_was_tried_changes_nothing() -> None:
    careful = Caution(until=100, suspects=(10, 20))
    assert at_start(CommitNote(is_running=True, caution=careful), 10) == careful


def test_a_group_ends_where_the_suspects_begin() -> None:
    careful = Caution(until=100, suspects=(10, 20))
    assert next_group(careful, range(4, 50)) == Trying(4, 9)
    assert next_group(careful, range(10, 50)) == Trying(10, 10, is_alone=True)
    assert next_group(careful, range(21, 500)) == Trying(21, 20 + GROUP_RECORDS)
    assert next_group(careful, range(90, 500)) == Trying(90, 99)
    assert next_group(careful, range(100, 500)) is None


def test_caution_ends_where_its_reach_ends() -> None:
    careful = Caution(until=100, accused=12, times=2)
    assert at_head(careful, 99) is careful
    assert at_head(careful, 100) is NONE


@pytest.mark.parametrize("text", ["", "[7,2,0,0]", "{", '{"crashes": "x"}', '{"caution": 7}'])
def test_what_is_not_ours_says_nothing(text: str) -> None:
    assert read_note(text) == CommitNote()


def test_a_note_comes_back_as_it_was() -> None:
    note = CommitNote(
        "[1,2,3,4]",
        is_running=True,
        caution=Caution(until=9, trying=Trying(1, 2), suspects=(3, 4), accused=5, times=1),
    )
    assert read_note(write_note(note)) == note
    assert write_note(CommitNote()) == ""
    assert len(write_note(note)) < 300, "an offset's metadata may have 4,096 bytes"
