"""Delays through the tiers: never early, hardly late, and how many writes a wait costs."""

from __future__ import annotations

import pytest

from pipeline.domain.endpoint import Account, Endpoint, RetryPolicy
from tests.receiver import Answer, Receiver, Request
from tests.running_pipeline import RunningPipeline, eventually

LATE_SECONDS = 1.0


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize("delay_seconds", [12, pytest.param(40, marks=pytest.mark.soak)])
def test_a_retry_and_a_retry_after_come_when_they_are_due(
    pipeline: RunningPipeline, receiver: Receiver, delay_seconds: int
) -> None:
    def fail_first(request: Request) -> Answer:
        if len(receiver.to(request.path)) > 1:
            return Answer(204)
        headers = (("Retry-After", "7"),) if request.path == "/after" else ()
        return Answer(503, headers=headers)

    receiver.behaviour = fail_first
    pipeline.put_account(Account("waits", "twelve-twenty"))
    for name, delay_ms in (("delay", delay_seconds * 1000), ("after", 1_000)):
        pipeline.put_endpoint(
            Endpoint(
                name,
                "waits",
                "twelve-twenty",
                "",
                url=receiver.url(f"/{name}"),
                event_types=(f"{name}.made",),
                retry=RetryPolicy((delay_ms,)),
            )
        )
    pipeline.run()
    pipeline.publish(
        {"account": "waits", "type": f"{name}.made", "id": name, "data": {}}
        for name in ("delay", "after")
    )
    for name in ("delay", "after"):
        receiver.wait_for(2, path=f"/{name}", seconds=delay_seconds + 30)
    eventually(lambda: len(pipeline.attempts()) == 4)
    for attempt in pipeline.attempts():
        if attempt.next_attempt_at_ms is None:
            continue
        due = attempt.next_attempt_at_ms / 1000
        second = receiver.to(f"/{attempt.endpoint}")[1]
        assert second.at >= due, f"{attempt.endpoint}: {due - second.at:.3f} s early"
        assert second.at <= due + LATE_SECONDS, f"{attempt.endpoint}: {second.at - due:.3f} s late"
        assert _writes(pipeline, attempt.endpoint) <= 15


def _writes(pipeline: RunningPipeline, endpoint: str) -> int:
    topics = [pipeline.topology.retry(tier.name) for tier in pipeline.topic_file.tiers]
    return sum(
        delivery.endpoint == endpoint for topic in topics for delivery in pipeline.deliveries(topic)
    )
