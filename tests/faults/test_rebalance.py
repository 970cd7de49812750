"""Senders come and go while they send: work moves, nothing is lost, limits hold."""

from __future__ import annotations

import signal

import pytest

from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.faults.counting import count
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import RunningPipeline, eventually

DELIVERIES = 1_500
ENDPOINTS = 4
IN_FLIGHT = 8


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_a_sender_that_joins_and_one_that_leaves_lose_and_repeat_nothing(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    receiver.behaviour = lambda _: Answer(delay_seconds=0.02)
    for number in range(ENDPOINTS):
        pipeline.put_account(Account(f"moves{number}", "twelve-twenty"))
        pipeline.put_endpoint(
            Endpoint(
                f"moves{number}-ep",
                f"moves{number}",
                "twelve-twenty",
                "",
                url=receiver.url(f"/{number}"),
                max_in_flight=IN_FLIGHT,
            )
        )
    pipeline.run()
    pipeline.publish(
        {"account": f"moves{n % ENDPOINTS}", "type": "made", "id": f"m{n}", "data": {"n": n}}
        for n in range(DELIVERIES)
    )
    receiver.wait_for(DELIVERIES // 10)
    pipeline.run("sender", slot=1)
    eventually(lambda: pipeline.health("sender", slot=1).get("partitions", 0) > 0)
    receiver.wait_for(DELIVERIES // 2, seconds=60)
    pipeline.stop("sender")
    eventually(
        lambda: not count(pipeline, receiver, "moves", sent=DELIVERIES).missing,
        seconds=90,
        text=lambda: str(count(pipeline, receiver, "moves", sent=DELIVERIES)),
    )
    assert count(pipeline, receiver, "moves", sent=DELIVERIES).repeats == 0
    assert receiver.most_open <= ENDPOINTS * IN_FLIGHT


@pytest.mark.faults
def test_an_idle_pipeline_ends_at_once_with_nothing_left_to_commit(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("idle", "twelve-twenty"))
    pipeline.put_endpoint(Endpoint("idle-ep", "idle", "twelve-twenty", "", url=receiver.url("/")))
    pipeline.run()
    pipeline.publish(
        {"account": "idle", "type": "made", "id": f"i{n}", "data": {"n": n}} for n in range(50)
    )
    receiver.wait_for(50)
    pipeline.stop("router", "sender", "scheduler", "recorder", seconds=12)
    topic = pipeline.topology.delivery("idle-ep")
    assert sum(pipeline.committed("sender", topic).values()) == 50
    assert sum(pipeline.committed("router", pipeline.topology.events).values()) == 50


@pytest.mark.faults
@pytest.mark.timeout(180)
def test_a_sender_that_was_stopped_and_lost_its_work_writes_no_retry_for_it(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    def refuse_late_then_at_once(_: Request) -> Answer:
        return Answer(503, delay_seconds=3.0 if len(receiver.requests) == 1 else 0.0)

    receiver.behaviour = refuse_late_then_at_once
    pipeline.put_account(Account("frozen", "twelve-twenty"))
    pipeline.put_endpoint(
        Endpoint(
            "frozen-ep",
            "frozen",
            "twelve-twenty",
            "",
            url=receiver.url("/"),
            retry=RetryPolicy((60_000, 60_000)),
        )
    )
    pipeline.run("router", "sender")
    pipeline.publish([{"account": "frozen", "type": "made", "id": "f", "data": {"n": 0}}])
    receiver.wait_for(1)
    pipeline.signal("sender", signal.SIGSTOP)
    try:
        pipeline.run("sender", slot=1)
        receiver.wait_for(2, seconds=60)
        tier = pipeline.topology.retry("1m")
        eventually(lambda: len(pipeline.deliveries(tier)) == 1)
    finally:
        pipeline.signal("sender", signal.SIGCONT)
    eventually(lambda: pipeline.health("sender").get("status") == "ok")
    eventually(lambda: pipeline.health("sender").get("unfinished") == 0)
    pipeline.stop("sender")
    assert [delivery.attempt for delivery in pipeline.deliveries(tier)] == [2]
