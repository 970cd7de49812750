"""Who kills its readers is found, and nobody else is accused."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.domain.caution import (
    ALONE_CRASHES,
    GROUP_RECORDS,
    HEAD_CRASHES,
    NONE,
    Caution,
    Trying,
    after_crash,
    at_head,
    is_culprit,
    next_group,
)


@dataclass
class Reader:
    """A partition of ten thousand records, read by processes that die of some."""

    culprits: set[int]
    head: int = 0
    caution: Caution = NONE
    deaths: int = 0

    def read(self) -> list[int]:
        """Until all is read; answers which were given up."""
        given_up: list[int] = []
        for _ in range(1_000):
            if self._live(given_up):
                return given_up
            self.deaths += 1
            self.caution = after_crash(self.caution, self.head)
        raise AssertionError("it goes on dying")

    def _live(self, given_up: list[int]) -> bool:
        for _ in range(20_000):
            caution = self.caution = at_head(self.caution, self.head)
            if self.head >= 10_000:
                return True
            if is_culprit(caution, self.head):
                given_up.append(self.head)
                self.head += 1
                continue
            group = next_group(caution, range(self.head, 10_000))
            last = self.head + 499 if group is None else group.last
            if group is not None:
                self.caution = replace(caution, trying=group)
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
    caution = NONE
    for head in range(0, 100, 10):
        caution = after_crash(caution, head)
        assert not caution.until


def test_one_death_alone_accuses_and_does_not_yet_give_up() -> None:
    careful = Caution(until=100, suspects=(10, 20), trying=Trying(12, 12, is_alone=True))
    once = after_crash(careful, 10)
    assert (once.accused, once.times) == (12, 1)
    assert not is_culprit(once, 12)


def test_a_death_while_nothing_was_tried_changes_nothing() -> None:
    careful = Caution(until=100, suspects=(10, 20))
    assert after_crash(careful, 10) == careful


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
