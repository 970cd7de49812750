"""Partitions that are not read for a while: none is lost, none is skipped, none stays asleep."""

from __future__ import annotations

import json
import threading

import pytest

from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account, Endpoint, EndpointStatus, RateLimit
from pipeline.flow import Partition, Record
from pipeline.stages.scheduler.waiting import MOST_WAITING
from tests.faults.tier_records import Waiting, put_in_tier, times_of_producers
from tests.faults.watched_stage import fetched_bytes, watched
from tests.faults.whereabouts import Expected, number_in, whereabouts
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

POLL_INTERVAL_SECONDS = 6.0
"""The least that goes with the least session that brokers allow."""
SHORT_SESSION = json.dumps({"max.poll.interval.ms": "6000", "session.timeout.ms": "6000"})
HOUR_MS = 3_600_000
DUE_MS = 45_000
"""Until then partitions go away and come back."""
NEVER = RateLimit(1, HOUR_MS)
"""One goes out and all others wait, until the endpoint's record says otherwise."""
FILLER = "x" * 1_000
MANY = 2_000
"""Events of that size: some eight times what fills a process that may hold 1 MiB. It stops at the
end of what it has just polled."""
DENSE, BATCH = 6_000, 100
"""Records of a tier, a megabyte a second: most of them wait in its log, not in memory."""
SMALL = "1"
_MIB = 1024 * 1024


def _endpoint(pipeline: RunningPipeline, receiver: Receiver, name: str, **fields: object) -> None:
    pipeline.put_account(Account(name, "twelve-twenty"))
    endpoint = Endpoint(name, name, "twelve-twenty", "", url=receiver.url(f"/{name}"), **fields)  # pyright: ignore[reportArgumentType] - fields of an endpoint
    pipeline.put_endpoint(endpoint)


def _events(account: str, first: int, end: int, *, filler: str = "") -> list[dict[str, object]]:
    return [
        {
            "account": account,
            "type": "made",
            "id": f"{account}{n}",
            "data": {"n": n, "x": filler},
        }
        for n in range(first, end)
    ]


def _all_delivered_once(pipeline: RunningPipeline, receiver: Receiver, sent: set[Expected]) -> None:
    found = whereabouts(pipeline, receiver, sent)

    def is_so() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, sent)
        return found.adds_up and not found.waiting

    eventually(is_so, seconds=60, text=lambda: str(found))
    assert found.dead == {}
    assert found.repeats == 0


def _fill(pipeline: RunningPipeline) -> int:
    """More than the sender may hold, all for `full`, which gets one; answers how many it holds."""
    topic = pipeline.topology.delivery("full")
    pipeline.publish(_events("full", 0, MANY, filler=FILLER))
    eventually(lambda: len(pipeline.records(topic)) == MANY)
    fills = _MIB // _held_bytes(pipeline.records(topic)[0])
    held = _unfinished(pipeline, "sender")

    def has_stopped() -> bool:
        nonlocal held
        before, held = held, _unfinished(pipeline, "sender")
        threading.Event().wait(0.3)
        return held == before > fills

    eventually(has_stopped)
    assert held < MANY, "the process was never full"
    return held


def _held_bytes(value: bytes) -> int:
    return Record(Partition("", 0), 0, None, value, 0).held_bytes


def _unfinished(pipeline: RunningPipeline, stage: str) -> int:
    return pipeline.health(stage).get("unfinished", 0)


def _partitions(pipeline: RunningPipeline, stage: str, *, slot: int = 0) -> int:
    return pipeline.health(stage, slot=slot).get("partitions", 0)


@pytest.mark.soak
def test_a_sender_that_has_paused_everything_for_longer_than_a_poll_may_take_keeps_its_work(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    _endpoint(pipeline, receiver, "full", rate_limit=NEVER)
    pipeline.run("router")
    pipeline.run(
        "sender", PIPELINE_KAFKA__OPTIONS=SHORT_SESSION, PIPELINE_STAGE__UNFINISHED_MEGABYTES=SMALL
    )
    held = _fill(pipeline)
    owned = {_partitions(pipeline, "sender")}
    ends = threading.Event()
    for _ in range(20):  # what is tested is that the time passes
        ends.wait(1.5 * POLL_INTERVAL_SECONDS / 20)
        owned.add(_partitions(pipeline, "sender"))
        assert _unfinished(pipeline, "sender") == held
    assert owned == {9}, "its own topic and the shared one, all the time"
    _endpoint(pipeline, receiver, "full")
    _all_delivered_once(pipeline, receiver, {("full", n) for n in range(MANY)})


@pytest.mark.soak
def test_a_partition_that_is_paused_as_soon_as_it_is_assigned_skips_nothing(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    _endpoint(pipeline, receiver, "full", rate_limit=NEVER)
    _endpoint(pipeline, receiver, "late")
    pipeline.run("router")
    pipeline.run("sender", PIPELINE_STAGE__UNFINISHED_MEGABYTES=SMALL)
    pipeline.publish(_events("late", 0, 20))
    receiver.wait_for(20, path="/late")
    topic = pipeline.topology.delivery("late")
    eventually(lambda: pipeline.committed("sender", topic) == {0: 20})
    _endpoint(pipeline, receiver, "late", status=EndpointStatus.INACTIVE)
    eventually(lambda: _partitions(pipeline, "sender") == 9)
    pipeline.publish(_events("late", 20, 60))
    eventually(lambda: len(pipeline.records(topic)) == 60)
    _fill(pipeline)
    _endpoint(pipeline, receiver, "late")
    eventually(lambda: _partitions(pipeline, "sender") == 10)
    assert len(receiver.to("/full")) == 1, "it was full when the partition came"
    _endpoint(pipeline, receiver, "full")
    sent = {("full", n) for n in range(MANY)} | {("late", n) for n in range(60)}
    _all_delivered_once(pipeline, receiver, sent)


@pytest.mark.soak
def test_a_tier_that_was_paused_flows_after_its_partitions_went_away_and_came_back(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    _endpoint(pipeline, receiver, "tiers")
    tiers = ("1m", "10m", "1h", "6h")
    places = [(tier, number) for tier in tiers for number in (0, 1)]
    each = MOST_WAITING + 50  # so that it is paused
    due_at_ms = now_ms() + DUE_MS
    with times_of_producers(pipeline, tiers):
        for place, (tier, number) in enumerate(places):
            numbers = range(place * each, (place + 1) * each)
            waiting = [Waiting("tiers", n, due_at_ms=due_at_ms) for n in numbers]
            # As if each had been written one delay ago, by the brokers' clock, that tiers go by.
            put_in_tier(pipeline, tier, waiting, partition=number, due_at_ms=due_at_ms)
    pipeline.settings["PIPELINE_KAFKA__OPTIONS"] = SHORT_SESSION
    pipeline.run("scheduler", "sender")
    sent = len(places) * each
    eventually(lambda: _unfinished(pipeline, "scheduler") == sent)
    pipeline.run("scheduler", slot=1)
    # Six of twelve partitions, so two at least of those eight.
    eventually(lambda: _partitions(pipeline, "scheduler") == 6)
    eventually(lambda: _partitions(pipeline, "scheduler", slot=1) == 6)
    pipeline.stop("scheduler", slot=1)
    eventually(lambda: _partitions(pipeline, "scheduler") == 12)
    assert receiver.requests == []
    _all_delivered_once(pipeline, receiver, {("tiers", n) for n in range(sent)})


@pytest.mark.soak
def test_a_tier_that_fills_faster_than_it_may_be_read_is_hardly_fetched_more_than_once(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    statistics = watched(pipeline)
    _endpoint(pipeline, receiver, "dense")
    pipeline.run("scheduler")
    size_bytes, pace = 0, threading.Event()
    for first in range(0, DENSE, BATCH):
        waiting = [Waiting("dense", n, now_ms(), FILLER) for n in range(first, first + BATCH)]
        size_bytes += put_in_tier(pipeline, "5s", waiting, partition=0)
        pace.wait(BATCH / 1_000)
    topic = pipeline.topology.retry("5s")
    eventually(lambda: pipeline.committed("scheduler", topic).get(0) == DENSE, seconds=60)
    eventually(lambda: fetched_bytes(statistics, topic) >= size_bytes)
    assert fetched_bytes(statistics, topic) <= 1.5 * size_bytes
    deliveries = pipeline.deliveries(pipeline.topology.delivery("dense"))
    assert [number_in(delivery.body) for delivery in deliveries] == list(range(DENSE))
