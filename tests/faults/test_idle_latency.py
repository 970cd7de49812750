"""One event now and then is not waited for: no stage gathers a batch before it goes on."""

from __future__ import annotations

import statistics
import threading

import pytest

from pipeline.clock import now_ms
from pipeline.domain.endpoint import Account, Endpoint
from tests.receiver import Receiver
from tests.running_pipeline import RunningPipeline

EVENTS = 9
BETWEEN_SECONDS = 1.0
MOST_SECONDS = 0.2
"""Far above what it takes, far below what a poll takes that waits for more records."""


@pytest.mark.faults
def test_an_event_a_second_is_delivered_at_once(
    pipeline: RunningPipeline, receiver: Receiver
) -> None:
    pipeline.put_account(Account("calm", "twelve-twenty"))
    pipeline.put_endpoint(Endpoint("calm-ep", "calm", "twelve-twenty", "", url=receiver.url("/")))
    pipeline.run("router", "sender")
    published: list[float] = []
    between = threading.Event()
    for number in range(EVENTS):
        published.append(now_ms() / 1000)
        pipeline.publish(
            [{"account": "calm", "type": "made", "id": f"c{number}", "data": {"n": number}}]
        )
        receiver.wait_for(number + 1)
        between.wait(BETWEEN_SECONDS)
    took = [request.at - at for request, at in zip(receiver.requests, published, strict=True)]
    assert statistics.median(took) < MOST_SECONDS, took
