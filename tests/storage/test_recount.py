"""Statistics say what a recount of the log says, however often and in whatever order it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from benchmarks.log_filling import Filling
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.domain.delivery import Attempt
from tests.storage.builders import START_MS
from tests.storage.recounting import counted, log_of, recounted

ATTEMPTS = 2_500
STEP_MS = 7_000  # five hours in all, so that what failed is tried again among them


def _in_pieces(attempts: Sequence[Attempt], random: Random) -> Iterator[Sequence[Attempt]]:
    begin = 0
    while begin < len(attempts):
        end = begin + random.choice((1, 7, 60, 400))
        yield attempts[begin:end]
        begin = end


def test_statistics_are_a_recount_of_the_log_although_all_came_twice_and_mixed_up(store: Store):
    random = Random(7)  # noqa: S311 - an order, not a secret
    told = next(Filling(STEP_MS, START_MS).batches(ATTEMPTS, size=ATTEMPTS))
    assert {1, 2} == {each.attempt for each in told.attempts}
    twice = [*told.attempts, *told.attempts]
    random.shuffle(twice)
    recorder = RecorderStore(store)
    new = sum(recorder.write(each, (), {}).new_attempts for each in _in_pieces(twice, random))
    recorder.write((), [*told.buried, *told.buried], {})
    assert new == ATTEMPTS
    assert counted(store) == recounted(log_of(store)) == recounted(told.attempts)


def test_a_recorder_that_reads_all_of_it_again_changes_nothing(store: Store):
    """As after the store's machine went down and took its last positions with it."""
    told = list(Filling(STEP_MS, START_MS).batches(ATTEMPTS, size=600))
    recorder = RecorderStore(store)
    for batch in told:
        recorder.write(*batch)
    before = counted(store)
    assert [recorder.write(*batch).new_attempts for batch in told] == [0] * len(told)
    assert counted(store) == before
    assert before.requests.total() == ATTEMPTS
