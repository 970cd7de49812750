"""In a tier every record waits as long as the tier says, whoever is due when."""

from __future__ import annotations

import pytest

from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from pipeline.flow import Partition, Record
from pipeline.stages.scheduler.waiting import WaitingLine
from tests.faults.tier_records import Waiting, put_in_tier
from tests.faults.whereabouts import number_in, whereabouts
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import RunningPipeline, eventually

HOUR_SECONDS = 3_600
TIER = Partition("retry.5s", 0)
TIER_MS = 5_000
MANY = 1_000
LATE_SECONDS = 6.0
"""Far below any longer tier's delay; a loaded machine takes a second or two for so many."""


def _record(offset: int, appended_at_ms: int) -> Record:
    return Record(TIER, offset, None, b"", appended_at_ms, None, None)


def test_only_the_head_of_a_line_is_looked_at() -> None:
    line = WaitingLine(TIER, delay_ms=TIER_MS)
    # Appended after a change of leader, by a broker whose clock is behind.
    line.records.extend([_record(0, 10_000), _record(1, 4_000), _record(2, 4_001)])
    assert line.next_at_ms() == 15_000
    assert list(line.elapsed(14_999)) == []
    assert [record.offset for record in line.elapsed(15_000)] == [0, 1, 2]


def test_records_behind_a_head_that_has_not_waited_long_enough_stay() -> None:
    line = WaitingLine(TIER, delay_ms=TIER_MS)
    line.records.extend(_record(offset, 10_000 + offset) for offset in range(MANY))
    assert [record.offset for record in line.elapsed(15_100)] == list(range(101))
    assert line.next_at_ms() == 15_101


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(180)
def test_an_hour_that_one_endpoint_asks_for_delays_no_other_retry(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    def fail_first(request: Request) -> Answer:
        if request.header("webhook-id") in seen:
            return Answer()
        seen.add(request.webhook_id)
        first = number_in(request.body) == 0
        return Answer(425, (("Retry-After", str(HOUR_SECONDS)),) if first else ())

    seen: set[str] = set()
    receiver.behaviour = fail_first
    pipeline.put_account(Account("heads", "twelve-twenty"))
    pipeline.put_endpoint(
        Endpoint(
            "heads", "heads", "twelve-twenty", "", url=receiver.url("/heads"),
            retry=RetryPolicy((TIER_MS,)),
        )
    )  # fmt: skip
    pipeline.run("router", "sender", "scheduler")
    pipeline.publish([_event(0)])
    receiver.wait_for(1)
    pipeline.publish(_event(n) for n in range(1, MANY + 1))
    _all_but_the_first(pipeline, receiver)


@pytest.mark.faults
@pytest.mark.timeout(180)
def test_a_record_due_in_an_hour_at_the_head_of_a_short_tier_delays_nothing_behind_it(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("heads", "twelve-twenty"))
    pipeline.put_endpoint(
        Endpoint("heads", "heads", "twelve-twenty", "", url=receiver.url("/heads"))
    )
    pipeline.run("sender", "scheduler")
    due_at_ms = now_ms() + TIER_MS
    waiting = [Waiting("heads", n, due_at_ms) for n in range(1, MANY + 1)]
    waiting.insert(0, Waiting("heads", 0, due_at_ms + HOUR_SECONDS * 1_000))
    put_in_tier(pipeline, "5s", waiting, partition=0)
    _all_but_the_first(pipeline, receiver)
    last = max(request.at for request in receiver.accepted)
    assert min(request.at for request in receiver.accepted) >= due_at_ms / 1000
    assert last <= due_at_ms / 1000 + LATE_SECONDS


def _event(number: int) -> dict[str, object]:
    return {"account": "heads", "type": "made", "id": f"h{number}", "data": {"n": number}}


def _all_but_the_first(pipeline: RunningPipeline, receiver: Receiver) -> None:
    """The others are delivered once; the first waits on in the tier of an hour."""
    sent = {("heads", n) for n in range(MANY + 1)}
    found = whereabouts(pipeline, receiver, sent)

    def is_so() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, sent)
        return found.adds_up and set(found.waiting) == {("heads", 0)}

    eventually(is_so, seconds=60, text=lambda: str(found))
    assert found.repeats == 0
    assert found.dead == {}
    # An hour less what has passed by then: made of the longest tiers that fit.
    waits = pipeline.deliveries(pipeline.topology.retry("10m"))
    waits += pipeline.deliveries(pipeline.topology.retry("1h"))
    assert [delivery.due_at_ms is not None for delivery in waits] == [True]
