"""What is forgotten, and what is kept of it, on both databases."""

from __future__ import annotations

import pytest

from pipeline.adapters.storage.archiving import ROWS_AT_ONCE, StoreArchive
from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.delivery_log import CountFilter
from tests.storage.builders import START_MS, a_failure, a_letter, an_attempt, buried, tables_of

HOUR_MS = 3_600_000
WHOLE = ("request_headers", "response_headers", "response_body")


@pytest.fixture
def archive(store: Store) -> StoreArchive:
    return StoreArchive(store)


def test_headers_and_bodies_of_old_attempts_are_gone_and_all_else_stays(
    store: Store, archive: StoreArchive
):
    old, young = a_failure(), a_failure(delivery_id="dlv_2", started_at_ms=START_MS + 1)
    RecorderStore(store).write([old, young], [], {})
    assert archive.blank(before_ms=START_MS + 1) == 1
    assert archive.blank(before_ms=START_MS + 1) == 0
    reader = StoreReader(store)
    assert reader.attempts("dlv_1") == [old._replace(**dict.fromkeys(WHOLE))]
    assert reader.attempts("dlv_2") == [young]


def test_what_was_blanked_and_is_recorded_again_stays_blank(store: Store, archive: StoreArchive):
    recorder = RecorderStore(store)
    recorder.write([a_failure()], [], {})
    archive.blank(before_ms=START_MS + 1)
    before = tables_of(store)
    assert recorder.write([a_failure()], [], {}).new_attempts == 0
    assert tables_of(store) == before


def test_one_turn_is_bounded_and_turns_come_to_an_end(store: Store, archive: StoreArchive):
    many = [a_failure(delivery_id=f"dlv_{number}") for number in range(ROWS_AT_ONCE + 3)]
    RecorderStore(store).write(many, [], {})
    assert [archive.blank(before_ms=START_MS + 1) for _ in range(3)] == [ROWS_AT_ONCE, 3, 0]
    forgotten = [archive.forget(before_ms=START_MS + HOUR_MS) for _ in range(3)]
    assert forgotten == [ROWS_AT_ONCE + 2, 3, 0]  # and a row of counts, and of their totals


def test_rows_that_are_too_old_go_with_all_about_them(store: Store, archive: StoreArchive):
    old = [a_failure(), a_failure(attempt=2, started_at_ms=START_MS + 5, decision="dead")]
    kept = an_attempt(delivery_id="dlv_2", started_at_ms=START_MS + 48 * HOUR_MS)
    RecorderStore(store).write([*old, kept], [buried(a_letter(dead_at_ms=START_MS + 5))], {})
    while archive.forget(before_ms=START_MS + 48 * HOUR_MS):
        pass
    reader = StoreReader(store)
    assert (reader.delivery("dlv_1"), reader.dead_letter("dlv_1")) == (None, None)
    assert reader.attempts("dlv_2") == [kept]
    tables = tables_of(store)
    assert (tables["attempts"], tables["dead_letters"]) == ([], [])
    counted = reader.counted(CountFilter(), since_ms=0, until_ms=START_MS * 2)
    assert [hour.requests for hour in counted.hours] == [1]
