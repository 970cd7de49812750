"""Streaks of failures and the newest journeys: what is read, and that it stays little."""

from __future__ import annotations

from typing import Any

from pipeline.adapters.storage.engine import Store
from pipeline.adapters.storage.recent_reader import RecentReader
from pipeline.adapters.storage.recorder_store import RecorderStore
from pipeline.adapters.storage.sql_registry import SqlRegistry
from pipeline.domain.delivery import Attempt
from pipeline.domain.endpoint import EndpointStatus
from pipeline.recent_log import Journey
from tests.storage.builders import START_MS, a_failure, an_attempt
from tests.storage.registry_values import an_endpoint


def put_endpoint(store: Store, name: str, **changes: Any) -> None:
    with SqlRegistry(store).writing() as writer:
        writer.put_endpoint(an_endpoint(name, updated_at_ms=START_MS + 7, **changes))


def failures(endpoint: str, count: int, *, account: str = "acme") -> list[Attempt]:
    return [
        a_failure(
            delivery_id=f"dlv_{endpoint}_{number:04}",
            endpoint=endpoint,
            account=account,
            started_at_ms=START_MS + number,
        )
        for number in range(count)
    ]


def test_endpoints_at_which_nothing_succeeded_since_are_told_with_their_attempts(store: Store):
    put_endpoint(store, "ep_bad")
    put_endpoint(store, "ep_well")
    put_endpoint(store, "ep_off", status=EndpointStatus.INACTIVE)
    put_endpoint(store, "ep_other", account="other")
    write = RecorderStore(store).write
    write([*failures("ep_bad", 5), *failures("ep_off", 5)], [], {})
    write([*failures("ep_other", 9, account="other"), *failures("ep_well", 5)], [], {})
    well = an_attempt(endpoint="ep_well", delivery_id="dlv_well", started_at_ms=START_MS + 10)
    write([well], [], {})
    found = RecentReader(store).streaks(account=None, limit=9)
    assert [each.endpoint for each in found] == ["ep_other", "ep_bad"], "the last failure first"
    bad = found[1]
    assert (bad.account, bad.changed_at_ms) == ("acme", START_MS + 7)
    assert (bad.first_failure_ms, bad.last_failure_ms) == (START_MS, START_MS + 4)
    assert sorted(each.started_at_ms - START_MS for each in bad.tries) == [0, 1, 2, 3, 4]
    assert {(each.outcome, each.status) for each in bad.tries} == {("refused", 503)}
    own = RecentReader(store).streaks(account="acme", limit=9)
    assert [each.endpoint for each in own] == ["ep_bad"]
    assert len(RecentReader(store).streaks(account=None, limit=1)) == 1


def test_of_a_long_streak_both_ends_are_read_and_no_more(store: Store):
    put_endpoint(store, "ep_bad")
    RecorderStore(store).write(failures("ep_bad", 400), [], {})
    (streak,) = RecentReader(store).streaks(account=None, limit=9)
    places = sorted(each.started_at_ms - START_MS for each in streak.tries)
    assert places == [*range(40), *range(360, 400)]


def test_journeys_are_those_of_events_that_were_accepted(store: Store):
    retried = a_failure(delivery_id="dlv_2", started_at_ms=START_MS + 100)
    attempts = [
        an_attempt(delivery_id="dlv_1", started_at_ms=START_MS + 30),
        retried,
        an_attempt(delivery_id="dlv_2", attempt=2, started_at_ms=START_MS + 5_000),
        an_attempt(delivery_id="dlv_3", started_at_ms=START_MS + 10, cause="replay"),
        a_failure(delivery_id="dlv_4", started_at_ms=START_MS + 10),
        an_attempt(delivery_id="dlv_5", started_at_ms=START_MS + 60, account="other"),
        an_attempt(delivery_id="dlv_6", started_at_ms=START_MS - 9),
    ]
    for attempt in attempts:
        RecorderStore(store).write([attempt], [], {})
    reader = RecentReader(store)
    found = reader.journeys(account="acme", since_ms=START_MS, limit=99)
    assert sorted(found) == [
        Journey(START_MS, START_MS + 30 + 12),
        Journey(START_MS, START_MS + 5_000),
    ]
    assert len(reader.journeys(account=None, since_ms=START_MS, limit=99)) == 3
    assert reader.journeys(account=None, since_ms=START_MS, limit=1) == [found[0]]
