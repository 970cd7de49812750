"""What both databases answer to those who look things up."""

from __future__ import annotations

import pytest

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.adapters.storage.store_reader import StoreReader
from pipeline.delivery_log import CountFilter, DeadLetterFilter, DeliveryFilter, Place, Status
from pipeline.domain.delivery import Position
from pipeline.domain.delivery_state import Pending
from pipeline.domain.endpoint import Account, EndpointStatus
from pipeline.domain.latency import bucket_of
from tests.storage.builders import (
    START_MS,
    a_delivery,
    a_failure,
    a_letter,
    an_attempt,
    buried,
)
from tests.storage.registry_values import an_endpoint

DAY_MS = 24 * 3_600_000


@pytest.fixture
def reader(store: Store) -> StoreReader:
    """Deliveries 0 to 9, one a second; the even ones are dead; 4 and 8 are of account other."""
    attempts = [an_attempt(delivery_id="dlv_1", started_at_ms=START_MS + 1_000, cause="test")]
    attempts += [_success(number) for number in (3, 5, 7, 9)]
    attempts += [_death(number) for number in (0, 2, 4, 6, 8)]
    letters = [
        buried(
            a_letter(
                id=f"dlv_{number}",
                account=_account(number),
                endpoint=f"ep_{number % 3}",
                dead_at_ms=START_MS + number * 1_000,
                reason="final" if number else "expired",
            ),
            a_delivery(delivery_id=f"dlv_{number}", account=_account(number)),
            offset=number,
        )
        for number in (0, 2, 4, 6, 8)
    ]
    RecorderStore(store).write(attempts, letters, {})
    return StoreReader(store)


def _account(number: int) -> str:
    return "other" if number in (4, 8) else "acme"


def _success(number: int):
    return an_attempt(
        delivery_id=f"dlv_{number}",
        started_at_ms=START_MS + number * 1_000,
        event_id=f"evt_{number}",
        endpoint=f"ep_{number % 3}",
        status=204 if number == 9 else 200,
    )


def _death(number: int):
    return a_failure(
        delivery_id=f"dlv_{number}",
        started_at_ms=START_MS + number * 1_000,
        account=_account(number),
        endpoint=f"ep_{number % 3}",
        decision="dead",
        status=400 + number,
        subject=f"person/{number}",
        event_type="person.deleted",
        next_attempt_at_ms=None,
    )


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (DeliveryFilter(), "9876543210"),
        (DeliveryFilter(account="other"), "84"),
        (DeliveryFilter(endpoint="ep_2"), "852"),
        (DeliveryFilter(event_id="evt_7"), "7"),
        (DeliveryFilter(event_type="person.deleted"), "86420"),
        (DeliveryFilter(subject="person/6"), "6"),
        (DeliveryFilter(cause="test"), "1"),
        (DeliveryFilter(status=Status.DELIVERED), "97531"),
        (DeliveryFilter(status=Status.DEAD, endpoint="ep_0"), "60"),
        (DeliveryFilter(http_status=(406, 406)), "6"),
        (DeliveryFilter(http_status=(400, 499)), "86420"),
        (DeliveryFilter(since_ms=START_MS + 3_000, until_ms=START_MS + 6_000), "543"),
        (DeliveryFilter(account="nobody"), ""),
    ],
)
def test_deliveries_are_listed_by_filter_with_the_newest_first(
    reader: StoreReader, wanted: DeliveryFilter, numbers: str
):
    found = reader.deliveries(wanted, limit=50)
    assert [delivery.id for delivery in found] == [f"dlv_{number}" for number in numbers]


def test_pages_follow_each_other_without_gap_or_repetition(store: Store):
    same_time = [an_attempt(delivery_id=f"dlv_{number:02}") for number in range(23)]
    RecorderStore(store).write(same_time, [], {})
    reader = StoreReader(store)
    pages: list[list[str]] = []
    after: Place | None = None
    while page := reader.deliveries(DeliveryFilter(endpoint="ep_1"), limit=5, after=after):
        pages.append([delivery.id for delivery in page])
        after = Place(page[-1].created_at_ms, page[-1].id)
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    assert [one for page in pages for one in page] == [f"dlv_{n:02}" for n in reversed(range(23))]


def test_a_list_is_never_longer_than_a_thousand(store: Store):
    many = [an_attempt(delivery_id=f"dlv_{number}") for number in range(1_100)]
    RecorderStore(store).write(many, [], {})
    assert len(StoreReader(store).deliveries(DeliveryFilter(), limit=1_000_000)) == 1_000
    assert StoreReader(store).deliveries(DeliveryFilter(), limit=-1) == []


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (DeadLetterFilter(), "86420"),
        (DeadLetterFilter(account="other"), "84"),
        (DeadLetterFilter(endpoint="ep_2"), "82"),
        (DeadLetterFilter(reason="expired"), "0"),
        (DeadLetterFilter(event_type="person.created"), "86420"),
        (DeadLetterFilter(since_ms=START_MS + 2_000, until_ms=START_MS + 6_000), "42"),
    ],
)
def test_dead_letters_are_listed_by_filter_with_the_newest_first(
    reader: StoreReader, wanted: DeadLetterFilter, numbers: str
):
    found = reader.dead_letters(wanted, limit=50)
    assert [letter.id for letter in found] == [f"dlv_{number}" for number in numbers]


def test_dead_letters_come_in_pages(reader: StoreReader):
    first = reader.dead_letters(DeadLetterFilter(), limit=2)
    last = first[-1]
    rest = reader.dead_letters(DeadLetterFilter(), limit=9, after=Place(last.dead_at_ms, last.id))
    assert [letter.id for letter in first + rest] == [f"dlv_{number}" for number in "86420"]


def test_a_dead_letter_says_where_it_lies_and_where_it_came_from(reader: StoreReader):
    letter = reader.dead_letters(DeadLetterFilter(), limit=1)[0]
    assert letter.record == Position("webhooks.dead-letter", 1, 8)
    assert letter.source == Position("webhooks.shared-delivery", 3, 41)
    assert (letter.outcome, letter.http_status, letter.attempts) == ("refused", 503, 1)
    assert letter.error == "the endpoint answered 503"


def test_of_two_dead_letters_under_one_id_the_earlier_stays(store: Store):
    recorder = RecorderStore(store)
    later, earlier = a_letter(dead_at_ms=START_MS + 9), a_letter(dead_at_ms=START_MS + 3)
    recorder.write([], [buried(later), buried(earlier, offset=4)], {})
    recorder.write([], [buried(later)], {})
    found = StoreReader(store).dead_letters(DeadLetterFilter(), limit=9)
    assert [(letter.dead_at_ms, letter.record.offset) for letter in found] == [(START_MS + 3, 4)]


def test_counts_are_by_status(reader: StoreReader, store: Store):
    recorder = RecorderStore(store)
    recorder.write([a_failure(delivery_id="dlv_r")], [], {})
    recorder.announce([Pending(a_delivery(delivery_id="dlv_p"), START_MS)])
    assert reader.counts() == {"pending": 1, "retrying": 1, "dead": 5, "delivered": 5}


def test_what_is_not_there_is_not_found(reader: StoreReader):
    assert reader.delivery("dlv_x") is None
    assert reader.attempts("dlv_x") == []
    assert reader.counted(CountFilter(endpoint="ep_x"), since_ms=0, until_ms=START_MS * 2) == (
        [],
        [],
    )
    assert reader.dead_letter("dlv_x") is None


def test_a_body_is_archived_sixty_days_after_its_last_attempt(reader: StoreReader):
    delivery = reader.delivery("dlv_3")
    assert delivery is not None
    assert not delivery.is_archived(START_MS + 3_000 + 60 * DAY_MS - 1)
    assert delivery.is_archived(START_MS + 3_000 + 60 * DAY_MS)


@pytest.mark.parametrize(
    ("account", "endpoint", "held"),
    [
        (Account("acme", "standard-webhooks"), {}, ()),
        (Account("acme", "standard-webhooks", webhooks_enabled=False), {}, ("dlv_r", "dlv_p")),
        (
            Account("acme", "standard-webhooks"),
            {"status": EndpointStatus.INACTIVE},
            ("dlv_r", "dlv_p"),
        ),
        (
            Account("acme", "standard-webhooks"),
            {"status": EndpointStatus.PENDING},
            ("dlv_r", "dlv_p"),
        ),
    ],
)
def test_what_is_unfinished_is_held_while_nothing_is_sent_there(
    store: Store, account: Account, endpoint: dict[str, EndpointStatus], held: tuple[str, ...]
):
    with SqlRegistry(store).writing() as writer:
        writer.put_account(account)
        writer.put_endpoint(an_endpoint("ep_1", account="acme", **endpoint))
    recorder, reader = RecorderStore(store), StoreReader(store)
    recorder.write([an_attempt(delivery_id="dlv_d"), a_failure(delivery_id="dlv_r")], [], {})
    recorder.announce([Pending(a_delivery(delivery_id="dlv_p"), START_MS)])
    shown = {one.id: one.status for one in reader.deliveries(DeliveryFilter(), limit=9)}
    assert shown == {"dlv_d": "delivered", "dlv_r": "retrying", "dlv_p": "pending"} | dict.fromkeys(
        held, "held"
    )
    for status in Status:
        found = reader.deliveries(DeliveryFilter(status=status), limit=9)
        assert {one.id for one in found} == {each for each in shown if shown[each] == status}


def test_one_dead_letter_is_found_by_its_id(reader: StoreReader):
    letter = reader.dead_letter("dlv_4")
    assert letter is not None
    assert (letter.id, letter.account, letter.reason) == ("dlv_4", "other", "final")


def test_counts_are_of_an_endpoint_an_account_or_all(store: Store):
    recorder, reader = RecorderStore(store), StoreReader(store)
    made = [("a", "ep_a1"), ("a", "ep_a1"), ("a", "ep_a2"), ("b", "ep_b")]
    recorder.write(
        [
            an_attempt(
                delivery_id=f"dlv_{number}", account=account, endpoint=endpoint, duration_ms=number
            )
            for number, (account, endpoint) in enumerate(made, 1)
        ],
        [],
        {},
    )

    def requests(of: CountFilter) -> int:
        counted = reader.counted(of, since_ms=0, until_ms=START_MS * 2)
        assert sum(one.requests for one in counted.latencies) == counted.hours[0].requests
        return counted.hours[0].requests

    assert requests(CountFilter(endpoint="ep_a1")) == 2
    assert requests(CountFilter(account="a")) == 3
    assert requests(CountFilter()) == 4
    assert reader.counted(
        CountFilter(account="b", endpoint="ep_a1"), since_ms=0, until_ms=START_MS * 2
    ) == ([], [])


def test_endpoints_that_fail_are_told_with_the_most_failures_first(store: Store):
    recorder, reader = RecorderStore(store), StoreReader(store)
    failing = [("a", "ep_a1")] * 2 + [("a", "ep_a2")] + [("b", "ep_b")] * 3
    failed = [
        a_failure(delivery_id=f"dlv_{number}", account=account, endpoint=endpoint)
        for number, (account, endpoint) in enumerate(failing)
    ]
    well = [an_attempt(delivery_id="dlv_w", account="a", endpoint="ep_well")]
    late = [an_attempt(delivery_id="dlv_l", account="b", endpoint="ep_b")]
    recorder.write([*failed, *well, *late], [], {})

    def found(of: CountFilter, limit: int = 10) -> list[tuple[object, ...]]:
        return [tuple(one) for one in reader.failing(of, since_ms=0, until_ms=2**45, limit=limit)]

    every = [("ep_b", "b", 4, 1), ("ep_a1", "a", 2, 0), ("ep_a2", "a", 1, 0)]
    assert found(CountFilter()) == every
    assert found(CountFilter(), 1) == every[:1]
    assert found(CountFilter(account="a")) == every[1:]
    assert reader.failing(CountFilter(), since_ms=0, until_ms=1, limit=9) == []
    # A profile may take some 2xx alone for a success.
    refused = [a_failure(delivery_id=f"dlv_r{number}", status=204) for number in range(5)]
    recorder.write([each._replace(endpoint="ep_204", account="c") for each in refused], [], {})
    assert found(CountFilter()) == [("ep_204", "c", 5, 0), *every]


def test_latencies_are_counted_by_their_bucket(store: Store):
    took = {"dlv_1": 12.5, "dlv_2": 12.6, "dlv_3": 900.0}
    attempts = [an_attempt(delivery_id=each, duration_ms=took[each]) for each in took]
    RecorderStore(store).write(attempts, [], {})
    counted = StoreReader(store).counted(CountFilter(), since_ms=0, until_ms=START_MS * 2)
    assert dict(counted.latencies) == {bucket_of(12.5): 2, bucket_of(900.0): 1}
