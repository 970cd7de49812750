"""What is asked of a large log is found along an index, and copies of a log are a larger one."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from benchmarks.log_copying import copy_log
from benchmarks.log_filling import Filling
from benchmarks.log_questions import Question, answered, questions
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.opening import open_store
from pipeline.adapters.storage.recorder_store import RecorderStore
from tests.storage.builders import START_MS
from tests.storage.recounting import counted, log_of, recounted

ATTEMPTS = 500
COPIES = 2


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield opened
    opened.close()


def _filled(store: Store) -> list[Question]:
    filling = Filling(5_000, START_MS)
    for batch in filling.batches(ATTEMPTS, size=100):
        RecorderStore(store).write(*batch)
    assert filling.latest is not None
    return list(questions(filling.latest, until_ms=int(filling.at_ms) + 1))


def test_no_question_is_answered_by_reading_all_of_a_table(store: Store):
    answers = [answered(store, question) for question in _filled(store)]
    assert len(answers) > 50
    scans = {
        answer.name: step
        for answer in answers
        for step in answer.plan
        if step.startswith("SCAN") and " USING " not in step and "SCAN anon_" not in step
    }
    assert scans == {}


def test_a_copied_log_has_as_many_times_the_attempts_and_their_counts(store: Store):
    _filled(store)
    copy_log(store, times=COPIES)
    assert counted(store) == recounted(log_of(store))
    assert counted(store).requests.total() == ATTEMPTS * (1 + COPIES)
    answers = [answered(store, question) for question in _filled(store)]
    assert any("ix_deliveries_failed" in step for answer in answers for step in answer.plan)
