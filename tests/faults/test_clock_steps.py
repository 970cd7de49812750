"""The machine's clock is set by an hour while deliveries wait: none is early by it, none stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account, Endpoint, RateLimit, RetryPolicy
from tests.faults.shifted_stage import StageClock, with_stage_clock
from tests.faults.whereabouts import Expected, Whereabouts, whereabouts
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import RunningPipeline, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

HOUR_MS = 3_600_000
STAGES = ("router", "sender", "scheduler")
FAILURES = 20
"""In a row they open a circuit."""
LIMIT = RateLimit(10, 1_000)
MANY = 40
MOST_WRITES = 15
WHOLE_LIMIT_SECONDS = 2.0
"""How long so many take at that rate, less the window before and the window after a step."""


class Receivers:
    """One that refuses each delivery once, one that refuses all until told otherwise."""

    def __init__(self, receiver: Receiver) -> None:
        receiver.behaviour = self._answer
        self._receiver = receiver
        self._seen: set[str] = set()
        self.is_down = True

    def _answer(self, request: Request) -> Answer:
        if request.path == "/down" and self.is_down:
            return Answer(503)
        if request.path in {"/once", "/strict"} and request.webhook_id not in self._seen:
            self._seen.add(request.webhook_id)
            return Answer(503)
        return Answer()

    def second_requests(self, path: str) -> list[Request]:
        seen: set[str] = set()
        again: list[Request] = []
        for request in self._receiver.to(path):
            if request.webhook_id in seen:
                again.append(request)
            seen.add(request.webhook_id)
        return again


@pytest.fixture
def receivers(receiver: Receiver) -> Receivers:
    return Receivers(receiver)


@pytest.fixture
def clock(pipeline: RunningPipeline) -> StageClock:
    return with_stage_clock(pipeline)


def _endpoint(pipeline: RunningPipeline, receiver: Receiver, name: str, **fields: object) -> None:
    pipeline.put_account(Account(name, "twelve-twenty"))
    endpoint = Endpoint(name, name, "twelve-twenty", "", url=receiver.url(f"/{name}"))
    pipeline.put_endpoint(replace(endpoint, **fields))


def _publish(pipeline: RunningPipeline, account: str, count: int) -> set[Expected]:
    pipeline.publish(
        {"account": account, "type": "made", "id": f"{account}{n}", "data": {"n": n}}
        for n in range(count)
    )
    return {(account, n) for n in range(count)}


def _all_delivered_once(pipeline: RunningPipeline, receiver: Receiver, sent: set[Expected]) -> None:
    found: Whereabouts = whereabouts(pipeline, receiver, sent)

    def is_so() -> bool:
        nonlocal found
        found = whereabouts(pipeline, receiver, sent)
        return found.adds_up and not found.waiting

    eventually(is_so, seconds=60, text=lambda: str(found))
    assert found.dead == {}
    assert found.repeats == 0


def _due(pipeline: RunningPipeline, endpoint: str) -> dict[str, int]:
    """By webhook id, when its second attempt may begin, as its first one decided."""
    return {
        attempt.webhook_id: attempt.next_attempt_at_ms
        for attempt in pipeline.attempts()
        if attempt.endpoint == endpoint and attempt.next_attempt_at_ms is not None
    }


def _is_limited(receiver: Receiver) -> bool:
    at = [request.at for request in receiver.to("/limited")]
    return max(at) - min(at) >= WHOLE_LIMIT_SECONDS


@pytest.mark.soak
def test_a_clock_set_forwards_makes_waiting_deliveries_due_and_stops_nothing(
    pipeline: RunningPipeline, receiver: Receiver, receivers: Receivers, clock: StageClock
) -> None:
    later = RetryPolicy((600_000, 600_000))
    _endpoint(pipeline, receiver, "once", retry=later)
    _endpoint(pipeline, receiver, "down", retry=later)
    _endpoint(pipeline, receiver, "limited", rate_limit=LIMIT)
    pipeline.run(*STAGES)
    sent = _publish(pipeline, "once", 10) | _publish(pipeline, "down", FAILURES + 5)
    receiver.wait_for(10, path="/once")
    receiver.wait_for(FAILURES, path="/down")
    eventually(lambda: len(_due(pipeline, "once")) == 10)
    sent |= _publish(pipeline, "limited", MANY)
    receiver.wait_for(MANY // 4, path="/limited")
    receivers.is_down = False
    stepped_ms = now_ms()
    clock.step(HOUR_MS)
    _all_delivered_once(pipeline, receiver, sent)
    due = _due(pipeline, "once")
    for request in receivers.second_requests("/once"):
        assert request.at * 1000 >= stepped_ms
        assert request.at * 1000 + HOUR_MS >= due[request.webhook_id]
    assert _is_limited(receiver)


def test_a_clock_set_backwards_delays_what_was_due_by_it_and_nothing_else(
    pipeline: RunningPipeline, receiver: Receiver, receivers: Receivers, clock: StageClock
) -> None:
    _endpoint(pipeline, receiver, "once", retry=RetryPolicy((10_000, 10_000)))
    _endpoint(pipeline, receiver, "down", retry=RetryPolicy((600_000,)))
    _endpoint(pipeline, receiver, "limited", rate_limit=LIMIT)
    pipeline.run(*STAGES)
    sent = _publish(pipeline, "once", 10)
    down = _publish(pipeline, "down", FAILURES + 5)
    receiver.wait_for(10, path="/once")
    receiver.wait_for(FAILURES, path="/down")
    eventually(lambda: len(_due(pipeline, "once")) == 10)
    due = _due(pipeline, "once")
    limited = _publish(pipeline, "limited", MANY)
    receiver.wait_for(MANY // 4, path="/limited")
    receivers.is_down = False
    clock.step(-HOUR_MS)
    # The limit goes on, the circuit's probe comes in time, and what is new is not held up.
    receiver.wait_for(MANY, path="/limited")
    assert _is_limited(receiver)
    receiver.wait_for(FAILURES + 5, path="/down")
    eventually(lambda: now_ms() > max(due.values()), seconds=20)
    assert receivers.second_requests("/once") == []
    assert len(receiver.to("/limited")) == MANY
    clock.step(HOUR_MS)
    eventually(lambda: len(receivers.second_requests("/once")) == 10)
    again = receivers.second_requests("/once")
    assert all(request.at * 1000 >= due[request.webhook_id] for request in again)
    # An hour and more passes: what failed before the circuit opened comes, too.
    clock.step(HOUR_MS)
    _all_delivered_once(pipeline, receiver, sent | limited | down)


@pytest.mark.soak
@pytest.mark.parametrize("ahead", [(1_500, 3_000), (HOUR_MS, 8_000)])
def test_a_clock_ahead_of_the_brokers_costs_no_more_writes_than_any_other_wait(
    pipeline: RunningPipeline,
    receiver: Receiver,
    receivers: Receivers,
    clock: StageClock,
    ahead: tuple[int, int],
) -> None:
    ahead_ms, delay_ms = ahead
    clock.step(ahead_ms)
    _endpoint(pipeline, receiver, "once", retry=RetryPolicy((delay_ms,)))
    pipeline.run(*STAGES)
    sent = _publish(pipeline, "once", 1)
    _all_delivered_once(pipeline, receiver, sent)
    (request,) = receivers.second_requests("/once")
    assert request.at * 1000 + ahead_ms >= _due(pipeline, "once")[request.webhook_id]
    tiers = [pipeline.topology.retry(tier.name) for tier in pipeline.topic_file.tiers]
    assert sum(len(pipeline.records(tier)) for tier in tiers) <= MOST_WRITES
