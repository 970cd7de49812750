"""What attempts and dead letters say of their endpoints is kept once, however often it is told."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.sql_watch import SqlWatch
from pipeline.domain.endpoint import Endpoint
from pipeline.domain.event_document import event_key
from pipeline.domain.inactivity import Tries
from pipeline.domain.operational_events import OperationalType, about_endpoint
from pipeline.watching import Operations, OwnerNotice, Watched
from tests.storage.builders import START_MS, a_failure, a_letter, an_attempt, buried


def write(store: Store, *attempts: Any, letters: Any = ()) -> None:
    RecorderStore(store).write(attempts, letters, {})


def watched(store: Store) -> list[Watched]:
    return SqlWatch(store).watched(after="", limit=100)


def fails(place: int, **changes: Any) -> Any:
    at_ms = START_MS + place * 1_000
    return a_failure(**{"delivery_id": f"dlv_{place}", "started_at_ms": at_ms, **changes})


def test_failures_are_kept_from_the_first_one_on_and_told_again_they_change_nothing(store: Store):
    batch = [fails(1), fails(2), fails(5)]
    for _ in range(3):
        write(store, *batch)
        (found,) = watched(store)
        assert found.tries == Tries(0, START_MS + 1_000, START_MS + 5_000)


def test_after_a_success_nothing_is_watched_and_old_failures_told_again_stay_forgotten(
    store: Store,
):
    write(store, fails(1), fails(2))
    write(store, an_attempt(delivery_id="dlv_ok", started_at_ms=START_MS + 3_000))
    assert watched(store) == []
    write(store, fails(1), fails(2))
    assert watched(store) == []
    write(store, fails(4))
    assert watched(store)[0].tries[:3] == (START_MS + 3_000, START_MS + 4_000, START_MS + 4_000)


def test_each_endpoint_is_watched_for_itself(store: Store):
    write(store, fails(1), fails(2, endpoint="ep_2"), an_attempt(endpoint="ep_3"))
    assert sorted(each.endpoint for each in watched(store)) == ["ep_1", "ep_2"]


def test_each_endpoint_is_on_one_page_whatever_it_is_watched_for(store: Store):
    letters = [buried(a_letter(id="dlv_0", endpoint="ep_1"))]
    write(store, fails(1, endpoint="ep_2"), fails(2, endpoint="ep_3"), letters=letters)
    pages = list[str]()
    while page := SqlWatch(store).watched(after=pages[-1] if pages else "", limit=1):
        pages += [each.endpoint for each in page]
        assert len(pages) <= 3
    assert pages == ["ep_1", "ep_2", "ep_3"]


def test_dead_letters_are_counted_once_each_and_dropped_ones_never(store: Store):
    letters = [buried(a_letter(id=f"dlv_{n}"), offset=n) for n in range(3)]
    letters.append(buried(a_letter(id="dlv_dropped", reason="dropped"), offset=4))
    for _ in range(2):
        write(store, letters=letters)
        assert watched(store)[0].told.dead_untold == 3
    write(store, letters=[buried(a_letter(id="dlv_9"), offset=9)])
    assert watched(store)[0].told.dead_untold == 4


def test_a_success_ends_what_was_counted_however_soon_it_comes_after_another(store: Store):
    for place, make in enumerate([an_attempt, a_failure, an_attempt, a_failure]):
        write(store, make(delivery_id=f"dlv_{place}", started_at_ms=START_MS + place * 10))
    assert watched(store)[0].tries[:3] == (START_MS + 20, START_MS + 30, START_MS + 30)


def test_the_operator_is_told_with_the_decision_but_never_of_his_own_account(store: Store):
    operations = Operations(
        "ops",
        "events",
        lambda event: event.data,
        event_key,
        lambda: START_MS,
        lambda count: b"x" * count,
    )
    endpoint = Endpoint("ep_1", "acme", "standard-webhooks", "own")
    occurrence = about_endpoint(OperationalType.RECOVERED, endpoint)
    with SqlWatch(store).deciding() as writer:
        operations.tell(writer.registry, "ops", occurrence)
        assert writer.registry.sequence == 0
        operations.tell(writer.registry, "acme", occurrence)
        assert writer.registry.sequence > 0


def test_a_decision_is_kept_with_its_notice_or_not_at_all(store: Store):
    write(store, fails(1))
    notice = OwnerNotice("ntc_1", "a@b.test", "subject", "text", START_MS, START_MS)
    watch = SqlWatch(store)

    def fail_after_all() -> None:
        with watch.deciding() as writer:
            known = writer.lock("ep_1")
            writer.put(known._replace(told=known.told._replace(warned_percent=50)))
            writer.add_notice(notice)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_all()
    assert watched(store)[0].told.warned_percent == 0
    assert watch.notices(now_ms=START_MS, limit=9) == []
    with watch.deciding() as writer:
        writer.add_notice(notice)
    assert watch.notices(now_ms=START_MS - 1, limit=9) == []
    assert watch.notices(now_ms=START_MS, limit=9) == [notice]
    watch.remove_notice("ntc_1")
    assert watch.notices(now_ms=START_MS, limit=9) == []
