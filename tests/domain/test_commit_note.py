"""What one owner leaves beside a committed offset, the next one reads as it was meant."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.caution import Caution, Trying
from pipeline.domain.commit_note import (
    BEYOND_OFFSETS,
    NO_NOTE,
    CommitNote,
    read_beyond,
    read_note,
    write_beyond,
    write_note,
)

MOST_METADATA_BYTES = 4_096


def _through(base: int, finished: set[int]) -> frozenset[int]:
    note = CommitNote(base=base, beyond=write_beyond(base, finished))
    return read_beyond(read_note(write_note(note)))


@given(st.integers(0, 2**40), st.sets(st.integers(1, 3_000)))
def test_what_was_finished_beyond_comes_back(base: int, steps: set[int]) -> None:
    finished = {base + step for step in steps}
    assert _through(base, finished) == finished


def test_what_is_too_far_beyond_is_left_out() -> None:
    assert _through(7, {8, 7 + BEYOND_OFFSETS, 7, 3}) == {8}


def test_the_worst_there_is_fits_into_an_offsets_metadata() -> None:
    dice = random.Random(4)  # noqa: S311 - noise, not secrets
    finished = {step for step in range(1, BEYOND_OFFSETS) if dice.random() < 0.5}
    caution = Caution(
        until=2**50, trying=Trying(2**50, 2**50, is_alone=True), suspects=(2**50, 2**50)
    )
    note = CommitNote(
        stage="[1099511627776,10,1795263112693,1795263112693]",
        is_running=True,
        at_ms=1_795_263_112_693,
        base=0,
        beyond=write_beyond(0, finished),
        caution=caution,
    )
    assert len(write_note(note).encode()) <= MOST_METADATA_BYTES
    told = read_beyond(note)
    assert told <= finished
    assert len(told) > len(finished) // 2, "the nearest are told"
    assert max(told) - len(told) < 2 * len(told)


@pytest.mark.parametrize("beyond", ["*", "a", ":AAAA", ":", "z" * 7, "\u00e4"])
def test_what_was_not_written_by_us_tells_nothing(beyond: str) -> None:
    assert read_beyond(CommitNote(beyond=beyond)) == frozenset()


@pytest.mark.parametrize("text", ["", "[7,2,0,0]", "{", '{"at_ms": "x"}', '{"caution": 7}'])
def test_metadata_of_others_say_nothing(text: str) -> None:
    assert read_note(text) == NO_NOTE


def test_a_note_comes_back_as_it_was() -> None:
    caution = Caution(until=9, trying=Trying(1, 2), suspects=(3, 4), accused=5, times=1)
    note = CommitNote("[1,2,3,4]", is_running=True, at_ms=5, caution=caution)
    assert read_note(write_note(note)) == note
    assert write_note(NO_NOTE) == ""
