"""What both databases promise the recorder."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.delivery_log import CountFilter, HourCount, StoredDelivery
from pipeline.domain.delivery import Attempt, Position
from pipeline.domain.delivery_state import Pending
from tests.storage.builders import (
    START_MS,
    a_delivery,
    a_failure,
    a_letter,
    an_attempt,
    buried,
    empty_tables_of,
    tables_of,
)

HOUR_MS = 3_600_000
FIRST_HOUR_MS = START_MS - START_MS % HOUR_MS


@pytest.fixture
def recorder(store: Store) -> RecorderStore:
    return RecorderStore(store)


@pytest.fixture
def reader(store: Store) -> StoreReader:
    return StoreReader(store)


def hours_of(reader: StoreReader, *, since_ms: int, until_ms: int) -> Sequence[HourCount]:
    counted = reader.counted(CountFilter(endpoint="ep_1"), since_ms=since_ms, until_ms=until_ms)
    return counted.hours


def test_an_attempt_is_read_as_it_was_recorded(recorder: RecorderStore, reader: StoreReader):
    failure = a_failure(reason="final", decision="dead", next_attempt_at_ms=None)
    recorder.write([failure], [], {})
    assert reader.attempts("dlv_1") == [failure]


def test_a_first_success_takes_one_row_and_is_read_as_it_was_recorded(
    store: Store, recorder: RecorderStore, reader: StoreReader
):
    success = an_attempt(phases={"dns": 0.25, "total": 12.5}, address="2001:db8::1")
    recorder.write([success], [], {})
    assert tables_of(store)["attempts"] == []
    assert reader.attempts("dlv_1") == [success]


@pytest.mark.parametrize(
    "kept",
    [
        {"request_headers": {"content-type": "application/json"}},
        {"response_headers": {}},
        {"response_body": b""},
        {"error": "the answer was cut off"},
        {"reason": "final"},
        {"next_attempt_at_ms": START_MS},
        {"outcome": "refused"},
    ],
    ids=lambda kept: next(iter(kept)),
)
def test_a_success_with_more_to_say_is_read_with_all_of_it(
    recorder: RecorderStore, reader: StoreReader, kept: dict[str, object]
):
    success = an_attempt(**kept)
    recorder.write([success], [], {})
    assert reader.attempts("dlv_1") == [success]


def test_the_row_of_a_lone_success_is_divided_when_a_second_attempt_is_known(
    recorder: RecorderStore, reader: StoreReader
):
    success = an_attempt(attempt=2, started_at_ms=START_MS + 5_000)
    recorder.write([success], [], {})
    recorder.write([a_failure()], [], {})
    assert reader.attempts("dlv_1") == [a_failure(), success]


def test_one_number_tried_twice_is_two_attempts(recorder: RecorderStore, reader: StoreReader):
    twice = [an_attempt(), an_attempt(started_at_ms=START_MS + 3)]
    recorder.write(twice, [], {})
    assert reader.attempts("dlv_1") == twice


def test_a_delivery_that_was_retried_and_delivered_says_so(
    recorder: RecorderStore, reader: StoreReader
):
    recorder.write([a_failure(phases={"total": 3.0})], [], {})
    retried = reader.delivery("dlv_1")
    assert retried is not None
    assert (retried.status, retried.http_status, retried.next_attempt_at_ms) == (
        "retrying",
        503,
        START_MS + 5_000,
    )
    later = Position("webhooks.shared-delivery", 3, 77)
    recorder.write([an_attempt(attempt=2, started_at_ms=START_MS + 5_100, record=later)], [], {})
    assert reader.delivery("dlv_1") == StoredDelivery(
        id="dlv_1",
        account="acme",
        endpoint="ep_1",
        webhook_id="msg_1",
        event_id="evt_1",
        event_type="person.created",
        subject="person/1",
        cause="event",
        cause_id=None,
        occurred_at_us=START_MS * 1000,
        status="delivered",
        http_status=200,
        attempts=2,
        created_at_ms=START_MS,
        last_attempt_at_ms=START_MS + 5_100,
        next_attempt_at_ms=None,
        original=None,
        times_triggered=0,
        record=later,
    )


def test_a_failure_that_is_heard_of_late_takes_nothing_back(
    recorder: RecorderStore, reader: StoreReader
):
    recorder.write([an_attempt(attempt=2, started_at_ms=START_MS + 5_000)], [], {})
    recorder.write([a_failure(), a_failure(attempt=3, started_at_ms=START_MS + 9_000)], [], {})
    delivery = reader.delivery("dlv_1")
    assert delivery is not None
    assert (delivery.status, delivery.http_status, delivery.attempts) == ("delivered", 200, 3)
    assert delivery.created_at_ms == START_MS
    assert delivery.last_attempt_at_ms == START_MS + 5_000


def test_what_is_written_again_counts_once(
    store: Store, recorder: RecorderStore, reader: StoreReader
):
    batch = [an_attempt(), a_failure(delivery_id="dlv_2"), an_attempt()]
    assert recorder.write(batch, [buried(a_letter())], {}).new_attempts == 2
    before = tables_of(store)
    assert recorder.write(batch, [buried(a_letter())], {}).new_attempts == 0
    assert tables_of(store) == before
    hours = hours_of(reader, since_ms=0, until_ms=START_MS * 2)
    assert hours == [
        HourCount(FIRST_HOUR_MS, 200, requests=1, accepted=1),
        HourCount(FIRST_HOUR_MS, 503, requests=1, accepted=0),
    ]


@pytest.mark.parametrize(
    "also",
    [
        [an_attempt()],
        [an_attempt(started_at_ms=START_MS + 3)],
        [a_failure(attempt=2, started_at_ms=START_MS + 3)],
    ],
    ids=["the same", "again under its number", "a later one"],
)
def test_a_first_success_and_what_else_is_told_of_it_may_come_together_or_apart(
    store: Store, recorder: RecorderStore, also: list[Attempt]
):
    letter = buried(a_letter(id="dlv_2"))
    first = [an_attempt(), an_attempt(delivery_id="dlv_2"), an_attempt(delivery_id="dlv_3")]
    together = recorder.write([*first, *also], [letter], {}).new_attempts
    tables = tables_of(store)
    empty_tables_of(store)
    apart = recorder.write(also, [letter], {}).new_attempts
    assert apart + recorder.write(first, [], {}).new_attempts == together
    assert tables_of(store) == tables


def test_one_known_delivery_among_many_new_ones_changes_nothing_of_theirs(
    store: Store, recorder: RecorderStore, reader: StoreReader
):
    recorder.write([an_attempt(delivery_id="dlv_07")], [], {("attempts", 0): 1})
    many = [an_attempt(delivery_id=f"dlv_{number:02}") for number in range(20)]
    assert recorder.write(many, [], {("attempts", 0): 2}).new_attempts == 19
    assert recorder.positions("attempts") == {0: 2}
    assert reader.counts() == {"delivered": 20}
    hours = hours_of(reader, since_ms=0, until_ms=START_MS * 2)
    assert hours == [HourCount(FIRST_HOUR_MS, 200, requests=20, accepted=20)]


def test_attempts_are_counted_by_endpoint_hour_and_answer(
    recorder: RecorderStore, reader: StoreReader
):
    silent = a_failure(outcome="timed_out", status=None, delivery_id="dlv_3")
    recorder.write([an_attempt(), an_attempt(delivery_id="dlv_2", endpoint="ep_2")], [], {})
    recorder.write([silent, an_attempt(delivery_id="dlv_4")], [], {})
    recorder.write([an_attempt(delivery_id="dlv_5", started_at_ms=START_MS + HOUR_MS)], [], {})
    assert hours_of(reader, since_ms=FIRST_HOUR_MS, until_ms=FIRST_HOUR_MS + 1) == [
        HourCount(FIRST_HOUR_MS, None, requests=1, accepted=0),
        HourCount(FIRST_HOUR_MS, 200, requests=2, accepted=2),
    ]
    assert hours_of(reader, since_ms=FIRST_HOUR_MS + 1, until_ms=START_MS * 2) == [
        HourCount(FIRST_HOUR_MS + HOUR_MS, 200, requests=1, accepted=1)
    ]


def test_positions_advance_and_never_go_back(recorder: RecorderStore):
    recorder.write([], [], {("attempts", 0): 10, ("attempts", 1): 3, ("dead-letter", 0): 1})
    recorder.write([], [], {("attempts", 0): 4, ("attempts", 1): 5})
    assert recorder.positions("attempts") == {0: 10, 1: 5}
    assert recorder.positions("dead-letter") == {0: 1}
    assert recorder.positions("unheard-of") == {}


def test_an_operator_may_move_a_position_back(recorder: RecorderStore):
    recorder.write([], [], {("attempts", 0): 10, ("attempts", 1): 3})
    recorder.move_position("attempts", 0, next_offset=2)
    assert recorder.positions("attempts") == {0: 2, 1: 3}


def test_what_fails_leaves_the_position_where_it_was(store: Store, recorder: RecorderStore):
    recorder.write([an_attempt()], [], {("attempts", 0): 1})
    before = tables_of(store)
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE dead_letters RENAME TO gone")
    with pytest.raises(Exception, match="dead_letters"):
        recorder.write(
            [an_attempt(delivery_id="dlv_2")], [buried(a_letter())], {("attempts", 0): 2}
        )
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO dead_letters")
    assert tables_of(store) == before


def test_a_delivery_that_died_untried_is_known_from_its_dead_letter(
    recorder: RecorderStore, reader: StoreReader
):
    letter = a_letter(reason="inactive", attempts=0, outcome=None, status=None, error=None)
    recorder.write([], [buried(letter, a_delivery(cause="replay", cause_id="rpl_1"))], {})
    delivery = reader.delivery("dlv_1")
    assert delivery is not None
    assert (delivery.status, delivery.event_id, delivery.cause_id) == ("dead", "evt_1", "rpl_1")
    assert (delivery.attempts, delivery.record) == (0, None)
    assert reader.attempts("dlv_1") == []


def test_a_dead_letter_that_nobody_could_decode_still_makes_its_delivery_dead(
    recorder: RecorderStore, reader: StoreReader
):
    recorder.write([], [buried(a_letter())], {})
    dead = reader.delivery("dlv_1")
    assert dead is not None
    assert (dead.status, dead.webhook_id, dead.event_id) == ("dead", None, None)
    recorder.write([a_failure()], [], {})
    known = reader.delivery("dlv_1")
    assert known is not None
    assert (known.status, known.webhook_id, known.event_id) == ("dead", "msg_1", "evt_1")
    assert (known.http_status, known.next_attempt_at_ms) == (503, None)


def test_a_record_that_never_was_a_delivery_is_a_dead_letter_alone(
    store: Store, recorder: RecorderStore
):
    letter = a_letter(
        id="events.people/0/5",
        reason="undecodable",
        account=None,
        endpoint=None,
        event_type=None,
        delivery=None,
        raw=b"\xff",
    )
    recorder.write([], [buried(letter)], {})
    tables = tables_of(store)
    assert tables["deliveries"] == []
    assert len(tables["dead_letters"]) == 1


def test_a_delivery_can_be_looked_up_before_anybody_tried_it(
    recorder: RecorderStore, reader: StoreReader
):
    recorder.write([an_attempt()], [], {})
    again = a_delivery(delivery_id="dlv_2", cause="trigger_again", cause_id="dlv_1")
    recorder.announce([Pending(again, START_MS + 90_000, original="dlv_1")])
    pending = reader.delivery("dlv_2")
    assert pending is not None
    assert (pending.status, pending.original, pending.attempts) == ("pending", "dlv_1", 0)
    original = reader.delivery("dlv_1")
    assert original is not None
    assert original.times_triggered == 1


def test_an_announcement_that_comes_late_takes_nothing_back(
    recorder: RecorderStore, reader: StoreReader
):
    recorder.write([an_attempt()], [], {})
    recorder.announce([Pending(a_delivery(), START_MS - 10, original="dlv_0")])
    delivery = reader.delivery("dlv_1")
    assert delivery is not None
    assert (delivery.status, delivery.created_at_ms, delivery.original) == (
        "delivered",
        START_MS - 10,
        "dlv_0",
    )
    assert reader.attempts("dlv_1") == [an_attempt()]


def test_nothing_that_a_text_may_hold_stops_the_recorder(
    recorder: RecorderStore, reader: StoreReader
):
    hostile = "a\0b'; DROP TABLE deliveries; -- %s ? :x \U0001f4a3 \u202e"
    kept = hostile.replace("\0", "\ufffd")
    texts = {"event_id": hostile, "event_type": hostile, "subject": hostile}
    failure = a_failure(error=hostile, response_headers={hostile: hostile}, **texts)
    success = an_attempt(delivery_id="dlv_2", **texts)
    letter = a_letter(id=hostile, error=hostile, event_type=hostile, delivery=None)
    recorder.write([failure, success], [buried(letter)], {})
    found = reader.attempts("dlv_1")[0]
    assert (found.event_id, found.error) == (kept, kept)
    assert found.response_headers == {hostile: hostile}
    assert reader.attempts("dlv_2")[0].subject == kept


def test_a_decision_of_a_newer_sender_is_recorded_and_decides_nothing(
    recorder: RecorderStore, reader: StoreReader
):
    recorder.write([an_attempt(decision="postponed", outcome="asleep")], [], {})
    delivery = reader.delivery("dlv_1")
    assert delivery is not None
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    assert reader.attempts("dlv_1")[0].decision == "postponed"


def test_a_duration_that_is_no_number_is_recorded_as_none_at_all(
    recorder: RecorderStore, reader: StoreReader
):
    recorder.write([an_attempt(duration_ms=float("nan"))], [], {})
    assert reader.attempts("dlv_1")[0].duration_ms == 0.0


def test_a_batch_of_thousands_is_one_write(recorder: RecorderStore, reader: StoreReader):
    many = [an_attempt(delivery_id=f"dlv_{number:05}") for number in range(5_000)]
    failures = [a_failure(delivery_id=f"dlv_{number:05}") for number in range(0, 5_000, 7)]
    written = recorder.write(many[:2_500], [], {("attempts", 0): 1})
    assert written.new_attempts == 2_500
    assert recorder.write(many, [], {("attempts", 0): 2}).new_attempts == 2_500
    late = [failure._replace(started_at_ms=START_MS - 1) for failure in failures]
    assert recorder.write(late, [], {("attempts", 0): 3}).new_attempts == len(failures)
    assert reader.counts() == {"delivered": 5_000}
